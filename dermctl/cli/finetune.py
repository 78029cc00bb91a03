"""``dermctl finetune``."""

from __future__ import annotations

from typing import Annotated

import typer

from dermctl.cli.options import (
    JSON,
    Accelerator,
    AllowLeak,
    ConfigFile,
    Devices,
    Nodes,
    Precision,
    RunName,
    Seed,
    Sets,
    Workers,
    example,
    unpack,
)

EXAMPLE = example(
    "dermctl finetune",
    "dermctl finetune --data padufes --from runs/x/checkpoints/best.ckpt --mode linear",
    "dermctl finetune --from none --encoder vit_tiny_patch16_224",
)


def finetune(
    ctx: typer.Context,
    data: Annotated[str | None, typer.Option(help="Prepared dataset. Default: the newest.")] = None,
    from_checkpoint: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="CKPT", help="Default: the newest pretraining; none: random."
        ),
    ] = None,
    mode: Annotated[
        str | None, typer.Option(help="full: train all; linear: an exact linear probe.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="Any timm model, with --from none.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Default: as pretrained.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step, over all devices.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or sgd.")] = None,
    class_weights: Annotated[str | None, typer.Option(help="inverse or none.")] = None,
    monitor: Annotated[
        str | None, typer.Option(help="What chooses the best epoch, on validation.")
    ] = None,
    allow_leak: AllowLeak = False,
    accelerator: Accelerator = None,
    devices: Devices = None,
    nodes: Nodes = None,
    precision: Precision = None,
    workers: Workers = None,
    seed: Seed = None,
    name: RunName = None,
    config: ConfigFile = None,
    sets: Sets = None,
    json: JSON = False,
) -> None:
    """Supervised training of a classifier; class weights on; best epoch chosen on validation."""
    from dermctl.config.resolve import resolve
    from dermctl.config.trainings import FinetuneConfig
    from dermctl.core.finetune import finetune as run

    workspace, output, progress = unpack(ctx, json=json)
    flags = {
        "data": data,
        "from_checkpoint": from_checkpoint,
        "mode": mode,
        "encoder": encoder,
        "image_size": image_size,
        "batch_size": batch_size,
        "epochs": epochs,
        "lr": lr,
        "optimizer": optimizer,
        "class_weights": class_weights,
        "monitor": monitor,
        "allow_leak": allow_leak or None,  # not given: as --config says
        "accelerator": accelerator,
        "devices": devices,
        "nodes": nodes,
        "precision": precision,
        "workers": workers,
        "seed": seed,
        "name": name,
    }
    settings = resolve(FinetuneConfig, file=config, sets=sets or (), flags=flags)
    trained = run(workspace, settings, progress)
    if json:
        output.document(trained.to_json())
        return
    output.heading("Fine-tuned")
    output.facts(
        {
            "from": trained.source,
            "data": f"{trained.images:,} images of {trained.dataset}, "
            f"{len(trained.classes)} classes",
            "mode": trained.mode,
            f"best {trained.monitor}": f"{trained.best:.4f}",
            "leak check": trained.leak_check,
            "checkpoint": trained.checkpoint,
        }
    )
    output.next_steps(f"dermctl evaluate {trained.checkpoint}")
