"""``dermctl pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermctl.cli.options import (
    JSON,
    Accelerator,
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
    "dermctl pretrain",
    "dermctl pretrain --data isic --data padufes --encoder vit_base_patch16_224 --devices 4",
    "dermctl pretrain --encoder vit_tiny_patch16_224 --image-size 64 --epochs 10",
)


def pretrain(
    ctx: typer.Context,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Prepared dataset; repeatable. Default: every one."),
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="Any timm model.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Pixels a side of a view.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step, over all devices.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the images.")] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    loss: Annotated[str | None, typer.Option(help="Loss over the two views.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Temperature of NT-Xent.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or sgd.")] = None,
    augmentation: Annotated[str | None, typer.Option(help="simclr or derm.")] = None,
    init: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Checkpoint to start from."),
    ] = None,
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
    """Self-supervised pretraining (SimCLR) on the train splits of prepared datasets."""
    from dermctl.config.resolve import resolve
    from dermctl.config.trainings import PretrainConfig
    from dermctl.core.pretrain import pretrain as run

    workspace, output, progress = unpack(ctx, json=json)
    flags = {
        "data": tuple(data) if data else None,
        "encoder": encoder,
        "image_size": image_size,
        "batch_size": batch_size,
        "epochs": epochs,
        "lr": lr,
        "loss": loss,
        "temperature": temperature,
        "optimizer": optimizer,
        "augmentation": augmentation,
        "init": None if init is None else str(init),
        "accelerator": accelerator,
        "devices": devices,
        "nodes": nodes,
        "precision": precision,
        "workers": workers,
        "seed": seed,
        "name": name,
    }
    settings = resolve(PretrainConfig, file=config, sets=sets or (), flags=flags)
    trained = run(workspace, settings, progress)
    if json:
        output.document(trained.to_json())
        return
    output.heading("Pretrained")
    val_loss = "no validation split" if trained.val_loss is None else f"{trained.val_loss:.4f}"
    output.facts(
        {
            "encoder": f"{trained.encoder}, {trained.parameters / 1e6:.1f} M parameters",
            "images": f"{trained.images:,} of {', '.join(trained.datasets)}",
            "steps": f"{trained.steps:,} on {trained.hardware}",
            "train loss": f"{trained.train_loss:.4f}",
            "val loss": val_loss,
            "checkpoint": trained.checkpoint,
        }
    )
    output.next_steps(f"dermctl finetune --from {trained.checkpoint}")
