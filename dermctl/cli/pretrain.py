"""``dermctl pretrain``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dermctl.cli.dry_run import show_dry_run
from dermctl.cli.options import example, unpack
from dermctl.cli.settings import with_settings
from dermctl.config.trainings import PretrainConfig

if TYPE_CHECKING:  # imports torch
    from dermctl.core.pretrain import Pretrained

EXAMPLE = example(
    "dermctl pretrain",
    "dermctl pretrain --data isic --data padufes --encoder vit_base_patch16_224 --devices 4",
    "dermctl pretrain --encoder vit_tiny_patch16_224 --image-size 64 --epochs 10",
)


@with_settings(PretrainConfig)
def pretrain(ctx: typer.Context, settings: PretrainConfig, *, json: bool) -> None:
    """Self-supervised pretraining (SimCLR) on the train splits of prepared datasets."""
    from dermctl.core.pretrain import pretrain as run
    from dermctl.core.pretrain import rehearse_pretraining

    workspace, output, progress = unpack(ctx, json=json)
    if settings.dry_run:
        show_dry_run(output, rehearse_pretraining(workspace, settings, progress), json=json)
        return
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
            **_best(trained),
            "checkpoint": trained.checkpoint,
        }
    )
    output.next_steps(f"dermctl finetune --from {trained.checkpoint}")


def _best(trained: Pretrained) -> dict[str, str]:
    """What chose the best checkpoint, where something did."""
    if trained.best is None or trained.best_step is None:
        return {}
    return {f"best {trained.monitor}": f"{trained.best:.4f}, after step {trained.best_step:,}"}
