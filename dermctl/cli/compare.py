"""``dermctl compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.figures import HEADLINE
from dermctl.cli.options import JSON, example, unpack
from dermctl.cli.output import RESEARCH_USE, Output

if TYPE_CHECKING:
    from dermctl.core.compare import Compared

EXAMPLE = example(
    "dermctl compare 20260412-101500-baseline 20260412-113000-pretrained",
    "dermctl compare runs/*-seed* --on ham10000-test --out comparison",
)


def compare(
    ctx: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Runs, checkpoints or folders of results; the first is held to."
        ),
    ],
    on: Annotated[
        str | None,
        typer.Option(metavar="DATASET-SPLIT", help="Which evaluation. Default: each run's newest."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for comparison.json.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    json: JSON = False,
) -> None:
    """Evaluations side by side: paired differences and DeLong's tests, on the same test images."""
    from dermctl.core.compare import compare as run

    workspace, output, progress = unpack(ctx, json=json)
    found = run(workspace, runs, on=on, out=out, seed=seed, progress=progress)
    if json:
        output.document(found.to_json())
    else:
        show_compared(output, found)


def show_compared(output: Output, found: Compared) -> None:
    """The runs' metrics, then each run against the first, then what papers report."""
    document = found.to_json()
    output.heading(
        f"{document['dataset']}, {document['split']} split: {document['images']:,} images in "
        f"{found.groups:,} groups"
    )
    output.table(
        ("", *(run["name"] for run in document["runs"])),
        [
            (title, *(_interval(run["metrics"].get(name)) for run in document["runs"]))
            for name, title in HEADLINE.items()
        ],
    )
    for run in document["runs"]:
        output.line(f"  leak check of {run['name']}: {run['leak_check']}", style="dim")
    for contrast in document["against_the_first"]:
        output.heading(f"{contrast['run']} minus {document['runs'][0]['name']}")
        output.table(
            ("", "difference", "95 % interval"),
            [
                (title, _signed(contrast["differences"][name]["value"]), _bounds(contrast, name))
                for name, title in HEADLINE.items()
            ],
            right=(1,),
        )
        output.line()
        output.table(
            ("AUROC of", "difference", "p (DeLong)", "p (Holm)"),
            [
                (
                    name,
                    _signed(test["difference"]),
                    _p(test["p_value"]),
                    _p(test["adjusted_p_value"]),
                )
                for name, test in contrast["auroc_tests"].items()
            ],
            right=(1, 2, 3),
        )
    _show_published(output, found)
    output.line()
    if found.file is not None:
        output.facts({"comparison": found.file})
    output.line(RESEARCH_USE, style="dim")


def _show_published(output: Output, found: Compared) -> None:
    if not found.published:
        output.line()
        output.line("  no published result is of these images and classes", style="dim")
        return
    output.heading("Published, on as many images of this dataset and as many classes")
    output.table(
        ("source", "model", *HEADLINE.values(), ""),
        [
            (row.source, row.model, *(_value(row.metrics.get(name)) for name in HEADLINE), row.note)
            for row in found.published
        ],
    )


def _interval(entry: dict[str, float | None] | None) -> str:
    if entry is None or entry["value"] is None:
        return "–"
    bounds = "" if entry["low"] is None else f" ({entry['low']:.3f}–{entry['high']:.3f})"
    return f"{entry['value']:.3f}{bounds}"


def _bounds(contrast: dict[str, dict[str, dict[str, float | None]]], name: str) -> str:
    entry = contrast["differences"][name]
    return "" if entry["low"] is None else f"{entry['low']:+.3f} to {entry['high']:+.3f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
