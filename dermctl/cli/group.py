"""The root command: global flags anywhere on the line, errors as one line and an exit code."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from dermctl.cli.output import print_error
from dermctl.errors import DermctlError

_FLAGS = ("--debug", "--quiet")
_VALUED = ("--workspace",)
_INTERRUPTED = 130
_ORDER = ("data", "pretrain", "finetune", "evaluate", "compare", "export", "zoo", "demo", "config")


class RootGroup(TyperGroup):
    """Turns errors into one line; a traceback is shown with ``--debug`` only."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order of the work, not the groups last."""
        names: list[str] = super().list_commands(ctx)
        return sorted(names, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let ``--debug``, ``--quiet`` and ``--workspace`` stand anywhere on the line."""
        parsed: list[str] = super().parse_args(ctx, hoist(args))
        return parsed

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and exit with its code."""
        run = partial(
            super().main,
            prog_name=prog_name,
            complete_var=complete_var,
            windows_expand_args=windows_expand_args,
            **extra,
        )
        if not standalone_mode:
            return run(args=args, standalone_mode=False)
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = run(args=words, standalone_mode=False)
        except Exception as error:
            _report(error, debug="--debug" in words)
        except KeyboardInterrupt:
            print_error("stopped; the same command can be run again")
            sys.exit(_INTERRUPTED)
        if code == _INTERRUPTED:
            print_error("stopped; the same command can be run again")
        sys.exit(code if isinstance(code, int) else 0)


def hoist(args: Sequence[str]) -> list[str]:
    """Move the global flags to the front; what follows ``--`` is left alone."""
    front: list[str] = []
    rest: list[str] = []
    words = list(args)
    while words:
        word = words.pop(0)
        if word == "--":
            return [*front, *rest, "--", *words]
        if word in _FLAGS or word.startswith(tuple(f"{name}=" for name in _VALUED)):
            front.append(word)
        elif word in _VALUED and words:
            front += [word, words.pop(0)]
        else:
            rest.append(word)
    return [*front, *rest]


def _report(error: Exception, *, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exception(error)
    if isinstance(error, DermctlError):
        print_error(str(error))
        sys.exit(error.exit_code)
    if isinstance(error, typer.Abort):
        print_error("stopped")
        sys.exit(1)
    if hasattr(error, "format_message"):  # the command line itself could not be read
        _report_usage(error)
    if isinstance(error, OSError):
        print_error(_system_fault(error))
        sys.exit(1)
    print_error(
        f"an unforeseen {type(error).__name__}: {' '.join(str(error).split())[:300]}. "
        "This is a fault of dermctl: see where with --debug, and report it"
    )
    sys.exit(1)


def _report_usage(error: Any) -> NoReturn:
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        sys.exit(error.exit_code)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "dermctl"
    message = " ".join(error.format_message().split()).replace("Value error, ", "").rstrip(".")
    stop = "" if message.endswith("?") else "."
    print_error(f"{message}{stop} See: {command} --help")
    sys.exit(error.exit_code)


def _system_fault(error: OSError) -> str:
    where = f" [{error.filename}]" if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"the disk is full{where}. Free some space and run the same command again"
    return f"{(error.strerror or str(error)).lower()}{where}"
