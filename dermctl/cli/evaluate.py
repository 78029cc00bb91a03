"""``dermctl evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.options import (
    JSON,
    Accelerator,
    AllowLeak,
    CheckpointFile,
    Workers,
    example,
    unpack,
)
from dermctl.cli.output import RESEARCH_USE, Output

if TYPE_CHECKING:
    from dermctl.core.evaluate import Evaluated

EXAMPLE = example(
    "dermctl evaluate",
    "dermctl evaluate runs/x/checkpoints/best.ckpt --data padufes --split test --out results",
)
_SHOWN = (
    ("balanced_accuracy", "balanced accuracy"),
    ("auroc", "AUROC (macro)"),
    ("accuracy", "accuracy"),
)


def evaluate(
    ctx: typer.Context,
    checkpoint: CheckpointFile = None,
    data: Annotated[
        str | None, typer.Option(help="Prepared dataset. Default: the newest that fits.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    out: Annotated[Path | None, typer.Option(file_okay=False, help="Folder of results.")] = None,
    allow_leak: AllowLeak = False,
    accelerator: Accelerator = None,
    workers: Workers = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    json: JSON = False,
) -> None:
    """Metrics with intervals on a held-out split, predictions, and a page."""
    from dermctl.core.evaluate import evaluate as run

    workspace, output, progress = unpack(ctx, json=json)
    result = run(
        workspace,
        checkpoint,
        data=data,
        split=split,
        out=out,
        allow_leak=allow_leak,
        accelerator=accelerator or "auto",
        workers=-1 if workers is None else workers,
        seed=seed,
        progress=progress,
    )
    if json:
        output.document(result.to_json())
        return
    show_evaluated(output, result)
    output.next_steps(f"dermctl export onnx {result.checkpoint}")


def show_evaluated(output: Output, result: Evaluated) -> None:
    """Headline figures with their intervals, figures a class, and where the rest lies."""
    found = result.evaluation
    title = f"{result.dataset}, {result.split} split: {found.images:,} images"
    output.heading(f"{title} (synthetic)" if result.synthetic else title)
    intervals = found.intervals
    output.table(
        ("", "value", "95 % interval"),
        [(title, *_interval(intervals[name])) for name, title in _SHOWN],
        right=(1,),
    )
    output.line(f"  intervals: bootstrap over {found.clusters:,} groups", style="dim")
    output.line(f"  leak check: {result.leak_check}", style="dim")
    output.line()
    output.table(
        ("class", "images", "AUROC", "95 % interval"),
        [
            (name, count, *_interval(found.per_class[name]["auroc"]))
            for name, count in zip(found.class_names, found.support, strict=True)
        ],
        right=(1, 2),
    )
    for name, why in found.undefined.items():
        output.say(f"warning: {name} is undefined: {why}")
    output.line()
    output.facts(
        {
            "metrics": result.metrics_file,
            "predictions": result.predictions_file,
            "report": result.report_file,
        }
    )
    output.line(RESEARCH_USE, style="dim")


def _interval(interval: object) -> tuple[str, str]:
    value, low, high = (getattr(interval, name) for name in ("value", "low", "high"))
    if value != value:
        return "–", ""
    return f"{value:.3f}", f"{low:.3f}–{high:.3f}" if low == low else ""
