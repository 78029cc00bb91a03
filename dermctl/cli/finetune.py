"""``dermctl finetune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dermctl.cli.dry_run import show_dry_run
from dermctl.cli.options import example, unpack
from dermctl.cli.output import Output
from dermctl.cli.settings import with_settings
from dermctl.config.trainings import FinetuneConfig

if TYPE_CHECKING:
    from dermctl.core.finetune import Finetuned
    from dermctl.core.repeats import Repeated

EXAMPLE = example(
    "dermctl finetune",
    "dermctl finetune --data padufes --from runs/x/checkpoints/best.ckpt --mode linear",
    "dermctl finetune --mode lp-ft --layer-decay 0.75 --mixup 0.2 --ema 0.999 --patience 5",
    "dermctl finetune --mode linear --metadata age,sex,site",
    "dermctl finetune --mode linear --label-fraction 0.1 --seeds 3",
    "dermctl finetune --from none --encoder vit_tiny_patch16_224 --folds 5",
)


@with_settings(FinetuneConfig)
def finetune(ctx: typer.Context, settings: FinetuneConfig, *, json: bool) -> None:
    """Supervised training of a classifier; class weights on; best epoch chosen on validation."""
    from dermctl.core.finetune import finetune as run
    from dermctl.core.repeats import is_repeated, rehearse_trainings, repeat

    workspace, output, progress = unpack(ctx, json=json)
    if settings.dry_run:
        show_dry_run(output, rehearse_trainings(workspace, settings, progress), json=json)
    elif is_repeated(settings):
        _show_repeats(repeat(workspace, settings, progress), output)
    else:
        _show(run(workspace, settings, progress), output)


def _show(trained: Finetuned, output: Output) -> None:
    if output.json:
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
            **_gain(trained),
            "leak check": trained.leak_check,
            "checkpoint": trained.checkpoint,
        }
    )
    output.next_steps(f"dermctl evaluate {trained.checkpoint}")


def _gain(trained: Finetuned) -> dict[str, str]:
    """What the metadata add to the image alone, on validation."""
    if trained.metadata_gain is None:
        return {}
    shown = {"balanced_accuracy": "balanced accuracy", "auroc": "AUROC"}
    parts = []
    for name, title in shown.items():
        each = trained.metadata_gain[name]
        parts.append(f"{title} {each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})")
    return {"metadata add": f"{', '.join(parts)} to the image alone, on validation"}


def _show_repeats(repeated: Repeated, output: Output) -> None:
    if output.json:
        output.document(repeated.to_json())
        return
    output.heading(f"Fine-tuned {len(repeated.trainings)} times")
    output.table(
        ["training", f"best {repeated.monitor}", "images", "checkpoint"],
        [
            (name, f"{training.best:.4f}", f"{training.images:,}", training.checkpoint)
            for name, training in zip(repeated.names, repeated.trainings, strict=True)
        ],
        right=(1, 2),
    )
    output.facts(
        {
            f"mean {repeated.monitor}": f"{repeated.mean:.4f}",
            "standard deviation": f"{repeated.spread:.4f}",
            "leak check": repeated.trainings[0].leak_check,
        }
    )
    output.next_steps(f"dermctl evaluate {repeated.trainings[0].checkpoint}")
