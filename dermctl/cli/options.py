"""Options that several commands share, declared once, so that all use the same words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from dermctl.cli.output import Output
from dermctl.cli.progress import progress_for
from dermctl.errors import UsageFault
from dermctl.progress import Progress
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class Globals:
    """What stands before the command: workspace, ``--quiet``."""

    workspace: Workspace
    quiet: bool


def unpack(ctx: typer.Context, *, json: bool = False) -> tuple[Workspace, Output, Progress]:
    """What every command begins with; of several processes, rank 0 alone shows results."""
    from dermctl.runs import is_main_process

    given: Globals = ctx.obj
    output = Output(json=json, quiet=given.quiet, results=is_main_process())
    return given.workspace, output, progress_for(output)


def example(*lines: str) -> str:
    """The epilog of a command's help: lines to type."""
    return "\n\n".join(["Examples:", *lines])


JSON = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Accelerator = Annotated[str | None, typer.Option(help="auto, cpu, gpu or mps.")]
Precision = Annotated[str | None, typer.Option(help="auto, fp32 or bf16.")]
Workers = Annotated[int | None, typer.Option(min=0, help="Worker processes.")]
AllowLeak = Annotated[
    bool,
    typer.Option("--allow-leak", help="Go on with images that were seen; every result says so."),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", exists=True, dir_okay=False, help="YAML of settings."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting over --config; repeatable."),
]


def _with_classifier(ctx: typer.Context, path: Path | None) -> Path | None:
    """Refuse what is no file, and say of a zoo's encoder what it lacks."""
    if path is None or path.is_file():
        return path
    from dermctl.models.zoo.shelf import is_entry

    given: Globals = ctx.obj
    if is_entry(path) or is_entry(given.workspace.zoo / path):
        raise UsageFault(
            f"'{path}' is an encoder of the zoo, without a classifier",
            hint=f"Fine-tune it with: dermctl finetune --from {path}",
        )
    raise typer.BadParameter(
        f"'{path}' is a folder." if path.is_dir() else f"File '{path}' does not exist."
    )


CheckpointFile = Annotated[
    Path | None,
    typer.Argument(metavar="[CKPT]", callback=_with_classifier, help="Default: the newest."),
]
