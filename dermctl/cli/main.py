"""The command line: global flags and the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermctl import __version__
from dermctl.cli import compare, config, data, demo, evaluate, export, finetune, pretrain, zoo
from dermctl.cli.group import RootGroup
from dermctl.cli.options import Globals
from dermctl.cli.output import RESEARCH_USE
from dermctl.workspace import ENVIRONMENT_VARIABLE, Workspace

_EPILOG = (
    "The main job: dermctl data prepare SOURCE, dermctl pretrain, dermctl finetune, "
    "dermctl evaluate, dermctl export onnx. Five minutes to see it all: dermctl demo. "
    + RESEARCH_USE
)

app = typer.Typer(
    name="dermctl",
    cls=RootGroup,
    no_args_is_help=True,
    help="From raw public dermatology archives to a leak-checked, audited, exported model.",
    epilog=_EPILOG,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"dermctl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            envvar=ENVIRONMENT_VARIABLE,
            help="Folder with data/, runs/ and raw/; default: the current one. Stands anywhere.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Results and errors only.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,  # noqa: ARG001 - read by RootGroup
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
) -> None:
    """Global flags."""
    ctx.obj = Globals(Workspace.locate(workspace), quiet)


app.add_typer(data.app, name="data")
app.command("pretrain", epilog=pretrain.EXAMPLE)(pretrain.pretrain)
app.command("finetune", epilog=finetune.EXAMPLE)(finetune.finetune)
app.command("evaluate", epilog=evaluate.EXAMPLE)(evaluate.evaluate)
app.command("compare", epilog=compare.EXAMPLE)(compare.compare)
app.add_typer(export.app, name="export")
app.add_typer(zoo.app, name="zoo")
app.command("demo", epilog=demo.EXAMPLE)(demo.demo)
app.add_typer(config.app, name="config")
