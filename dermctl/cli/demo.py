"""``dermctl demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dermctl.cli.evaluate import show_evaluated
from dermctl.cli.options import JSON, example, unpack

EXAMPLE = example("dermctl demo", "dermctl demo --to /tmp/demo")


def demo(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option(help="Workspace of the demo.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
    json: JSON = False,
) -> None:
    """The whole path in five minutes, on synthetic skin: sample, prepare, pretrain, fine-tune,
    evaluate, export."""
    from dermctl.core.demo import demo as run

    _, output, progress = unpack(ctx, json=json)
    shown = run(to, seed=seed, progress=progress)
    if json:
        output.document(shown.to_json())
        return
    show_evaluated(output, shown.evaluated)
    found = shown.evaluated.evaluation.intervals["balanced_accuracy"]
    output.heading("The demo in short (synthetic skin: it says nothing about real patients)")
    output.table(("step", "what came of it", "seconds"), shown.steps, right=(2,))
    output.line()
    output.facts(
        {
            "balanced accuracy": f"{found.value:.3f} (95 % interval {found.low:.3f}–"
            f"{found.high:.3f}) against {shown.chance:.3f} by chance: "
            f"{found.value / shown.chance:.1f} × chance",
            "report": shown.evaluated.report_file,
            "ONNX file": shown.exported.file,
        }
    )
    output.next_steps(
        "dermctl data list                                   # where real data comes from",
        "dermctl data prepare padufes --raw ~/PAD-UFES-20    # then: pretrain, finetune, evaluate",
    )
