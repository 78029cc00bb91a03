"""``dermctl evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.figures import HEADLINE
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
    from dermctl.metrics.bootstrap import Interval

EXAMPLE = example(
    "dermctl evaluate",
    "dermctl evaluate runs/x/checkpoints/best.ckpt --data padufes --split test --out results",
    "dermctl evaluate --by fitzpatrick,sex,age --tta --abstain",
    "dermctl evaluate --explain 12",
    "dermctl evaluate a/best.ckpt --ensemble b/best.ckpt --ensemble c/best.ckpt",
)
_COMPARED = ("balanced_accuracy", "auroc")


def evaluate(
    ctx: typer.Context,
    checkpoint: CheckpointFile = None,
    data: Annotated[
        str | None, typer.Option(help="Prepared dataset. Default: the newest that fits.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN,…",
            help="Subgroups: fitzpatrick, sex, age, site, modality, dataset, any column of the "
            "source, 'all' or 'none'; repeatable. Default: fitzpatrick where known.",
        ),
    ] = None,
    ensemble: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CKPT",
            exists=True,
            dir_okay=False,
            help="A further model to average probabilities with; repeatable.",
        ),
    ] = None,
    tta: Annotated[
        bool, typer.Option("--tta", help="Average over the 8 orientations of each image.")
    ] = False,
    abstain: Annotated[
        bool, typer.Option("--abstain", help="Also the risk-coverage curve.")
    ] = False,
    explain: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Maps of what the model weighed in N images, the most confident mistakes first, "
            "then the most confident right decisions: attention rollout of a ViT, Grad-CAM of a "
            "CNN.",
        ),
    ] = 0,
    images: Annotated[
        bool, typer.Option("--images/--no-images", help="Pictures of single images on the page.")
    ] = True,
    min_tpr: Annotated[
        float,
        typer.Option(min=0.0, max=0.99, help="The partial AUROC lies above this sensitivity."),
    ] = 0.8,
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
        by=split_by(by),
        ensemble=ensemble or (),
        tta=tta,
        abstain=abstain,
        explained=explain,
        images=images,
        min_tpr=min_tpr,
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


def split_by(given: list[str] | None) -> list[str] | None:
    """Columns named one by one or with commas between them; None where none is named."""
    if given is None:
        return None
    return [name.strip() for each in given for name in each.split(",") if name.strip()]


def show_evaluated(output: Output, result: Evaluated) -> None:
    """Headline figures with their intervals, figures a class, and where the rest lies."""
    found = result.evaluation
    title = f"{result.dataset}, {result.split} split: {found.images:,} images"
    output.heading(f"{title} (synthetic)" if result.synthetic else title)
    intervals = found.intervals
    output.table(
        ("", "value", "95 % interval"),
        [(title, *_interval(intervals[name])) for name, title in HEADLINE.items()],
        right=(1,),
    )
    output.line(f"  intervals: bootstrap over {found.clusters:,} {result.resampled}", style="dim")
    for name, title in HEADLINE.items():
        if lacking := intervals[name].undefined_resamples:
            drawn = intervals[name].resamples
            output.line(f"  {title}: {lacking:,} of {drawn:,} resamples undefined", style="dim")
    output.line(f"  leak check: {result.leak_check}", style="dim")
    _show_calibration(output, result)
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
    _show_gap(output, result)
    _show_subgroups(output, result)
    _show_abstention(output, result)
    output.line()
    output.facts(
        {
            "metrics": result.metrics_file,
            "predictions": result.predictions_file,
            "report": result.report_file,
            "model card": result.card_file,
        }
    )
    output.line(RESEARCH_USE, style="dim")


def _interval(interval: Interval, *, signed: bool = False) -> tuple[str, str]:
    value, low, high = interval.value, interval.low, interval.high
    if value != value:
        return "–", ""
    sign = "+" if signed else ""
    bounds = f"{low:{sign}.3f} to {high:{sign}.3f}" if signed else f"{low:.3f}–{high:.3f}"
    return f"{value:{sign}.3f}", bounds if low == low else ""


def _show_calibration(output: Output, result: Evaluated) -> None:
    """The temperature with what it does, or that there is none."""
    calibrated = result.figures.calibrated
    if calibrated is None:
        output.line(f"  {result.not_calibrated}", style="dim")
        return
    fitted, after = calibrated.fitted, " ".join(_interval(calibrated.after["ece"]))
    output.line(
        f"  temperature {fitted.temperature.value:.2f} (fitted on {fitted.where}): calibration "
        f"error {after}",
        style="dim",
    )


def _show_gap(output: Output, result: Evaluated) -> None:
    """What changed since the internal test, where there was one."""
    if result.gap is None:
        return
    output.heading(f"From the internal test ({result.gap.dataset}, {result.gap.split}) to this one")
    rows = []
    for name, title in HEADLINE.items():
        change = result.gap.changes[name]
        rows.append((title, f"{change.first:.3f}", *_interval(change.difference, signed=True)))
    output.table(("", "internal", "change", "95 % interval"), rows, right=(1, 2))


def _show_subgroups(output: Output, result: Evaluated) -> None:
    """A table a column: subgroups with their intervals, then the disparities beside chance."""
    from dermctl.report.subgroup_tables import heading

    for audit in result.figures.subgroups:
        output.heading(f"By {heading(audit.column)}")
        unknown = [] if audit.unknown is None else [audit.unknown]
        rows = []
        for each in (*audit.subgroups, *unknown):
            cells = [part for name in _COMPARED for part in _interval(each.intervals[name])]
            gap = each.gaps.get("balanced_accuracy")
            behind = "not ranked" if gap is None else f"{gap.interval.value:.3f}"
            rows.append((each.name, f"{each.images:,}", *cells, behind))
        head = ("", "images", "bal. accuracy", "95 %", "AUROC", "95 %", "gap to best")
        output.table(head, rows, right=(1, 2, 4, 6))
        for name, found in audit.disparities.items():
            chance = found.permuted
            output.line(
                f"  {name.replace('_', ' ')} {found.value:.3f}; with shuffled subgroups "
                f"{chance.median:.3f} ({chance.low:.3f}–{chance.high:.3f}), p = "
                f"{chance.p_value:.3f}",
                style="dim",
            )


def _show_abstention(output: Output, result: Evaluated) -> None:
    """Accuracy among the most confident images."""
    found = result.figures.abstention
    if found is None:
        return
    output.heading("Deciding the most confident images only")
    rows = [
        (f"{100 * point.coverage.value:.1f} %", *_interval(point.accuracy))
        for point in found.points
    ]
    output.table(("decided", "accuracy", "95 % interval"), rows, right=(0, 1))
    area = " ".join(_interval(found.area))
    output.line(f"  area under the risk-coverage curve {area}", style="dim")
