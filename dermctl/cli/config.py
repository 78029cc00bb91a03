"""``dermctl config …``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dermctl.cli.options import JSON, Sets, example, unpack

app = typer.Typer(
    no_args_is_help=True, help="Settings: which there are, and whether yours are right."
)


class Command(StrEnum):
    """The commands that have a configuration."""

    PRETRAIN = "pretrain"
    FINETUNE = "finetune"


@app.command("show", epilog=example("dermctl config show pretrain > my.yaml"))
def show(ctx: typer.Context, command: Command, sets: Sets = None, json: JSON = False) -> None:
    """All settings of a command as commented YAML, itself a valid --config."""
    from dataclasses import asdict

    from dermctl.config.resolve import resolve, to_yaml
    from dermctl.config.trainings import CONFIGS, FinetuneConfig, PretrainConfig

    _, output, _ = unpack(ctx, json=json)
    config: PretrainConfig | FinetuneConfig = resolve(CONFIGS[command.value], sets=sets or ())
    if json:
        output.document(asdict(config))
    else:
        typer.echo(to_yaml(config, comments=True), nl=False)


@app.command("check", epilog=example("dermctl config check pretrain my.yaml"))
def check(
    ctx: typer.Context,
    command: Command,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    json: JSON = False,
) -> None:
    """Every fault of a configuration file at once; exit 1 if it has any."""
    from dermctl.cli.settings import resolve_at_once
    from dermctl.config.trainings import CONFIGS, FinetuneConfig, PretrainConfig
    from dermctl.core.named import check_names

    _, output, _ = unpack(ctx, json=json)
    config: PretrainConfig | FinetuneConfig = resolve_at_once(CONFIGS[command.value], file=file)
    check_names(config)
    if json:
        output.document({"file": str(file), "command": command.value, "valid": True})
    else:
        output.line(f"{file}: a valid configuration of dermctl {command.value}")
