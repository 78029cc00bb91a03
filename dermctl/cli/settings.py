"""A command whose flags are the fields of a configuration: one home for name, meaning, default."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar, get_args, get_origin, get_type_hints

import typer

from dermctl.cli.options import JSON, ConfigFile, Sets
from dermctl.config.fields import explain, flag_of
from dermctl.config.resolve import UnresolvedError, resolve
from dermctl.config.trainings import FinetuneConfig, PretrainConfig
from dermctl.core.named import faults_of_names, in_a_list
from dermctl.runs import run_named

Config = TypeVar("Config", contravariant=True)
Settings = TypeVar("Settings")


class Run(Protocol[Config]):
    """What a command does with its resolved settings."""

    def __call__(self, ctx: typer.Context, settings: Config, *, json: bool) -> None:
        """Do the command's work and show its result."""


def with_settings(config: type[Config]) -> Callable[[Run[Config]], Callable[..., None]]:
    """Make a Typer command of ``run(ctx, settings, json=…)``: a flag a field of ``config``.

    A flag that was not given leaves the word to ``--set``, ``--config`` and the default, in this
    order.
    """

    def decorate(run: Run[Config]) -> Callable[..., None]:
        def command(ctx: typer.Context, **given: Any) -> None:
            file, sets, json = (given.pop(name) for name in ("config", "sets", "json"))
            file = file or _config_of(ctx, given.get("resume"))
            settings = resolve_at_once(config, file=file, sets=sets or (), flags=_listed(given))
            run(ctx, settings, json=json)

        command.__name__ = getattr(run, "__name__", "command")
        command.__doc__ = run.__doc__
        command.__signature__ = inspect.Signature(_parameters(config))  # type: ignore[attr-defined]
        return command

    return decorate


def resolve_at_once(
    config: type[Settings],
    *,
    file: Path | None = None,
    sets: Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """As ``resolve``; where that finds faults, what the rest names is looked up too.

    Raises:
        UnresolvedError: unknown keys, bad values, and what is not there of what the rest names.
        ConfigError: the file cannot be read.
    """
    try:
        return resolve(config, file=file, sets=sets, flags=flags)
    except UnresolvedError as error:
        if not isinstance(error.rest, PretrainConfig | FinetuneConfig):
            raise
        missing = faults_of_names(error.rest, error.bad)
        raise error.and_also([in_a_list(fault) for fault in missing]) from error


def _config_of(ctx: typer.Context, run: str | None) -> Path | None:
    """The settings of the run to go on with: flags stand over them."""
    if run is None:
        return None
    return run_named(ctx.obj.workspace.runs, run) / "config.yaml"


def _parameters(config: type) -> list[inspect.Parameter]:
    shared = (("config", ConfigFile, None), ("sets", Sets, None), ("json", JSON, False))
    flags = [(field.name, _option(config, field), None) for field in dataclasses.fields(config)]
    kind = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(
            inspect.Parameter(name, kind, default=default, annotation=annotation)
            for name, annotation, default in (*flags, *shared)
        ),
    ]


def _option(config: type, field: dataclasses.Field[Any]) -> Any:
    return Annotated[
        _flag_type(get_type_hints(config)[field.name]) | None,
        typer.Option(
            flag_of(field),
            help=explain(field) + _shown(field.default),
            metavar=field.metadata["metavar"] or None,
            rich_help_panel=field.metadata["group"],
            show_default=False,
        ),
    ]


def _flag_type(kind: Any) -> Any:
    """What Typer reads: a tuple of texts is a flag that may be repeated."""
    if get_origin(kind) is tuple:
        return list[str]
    plain = [part for part in get_args(kind) if part is not type(None)]
    return plain[0] if plain else kind


def _shown(default: Any) -> str:
    """A default as help shows it; an empty one goes without saying."""
    if default is None or default == () or default is False:
        return ""
    return f", default {','.join(default) if isinstance(default, tuple) else default}"


def _listed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Repeated flags and ``a,b`` in one flag mean the same."""
    return {
        name: tuple(part.strip() for text in value for part in text.split(",") if part.strip())
        if isinstance(value, list)
        else value
        for name, value in given.items()
        if value is not None and value != []
    }
