"""``dermctl finetune``."""

from __future__ import annotations

import typer

from dermctl.cli.options import example, unpack
from dermctl.cli.settings import with_settings
from dermctl.config.trainings import FinetuneConfig

EXAMPLE = example(
    "dermctl finetune",
    "dermctl finetune --data padufes --from runs/x/checkpoints/best.ckpt --mode linear",
    "dermctl finetune --from none --encoder vit_tiny_patch16_224",
)


@with_settings(FinetuneConfig)
def finetune(ctx: typer.Context, settings: FinetuneConfig, *, json: bool) -> None:
    """Supervised training of a classifier; class weights on; best epoch chosen on validation."""
    from dermctl.core.finetune import finetune as run

    workspace, output, progress = unpack(ctx, json=json)
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
