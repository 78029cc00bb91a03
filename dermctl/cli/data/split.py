"""``dermctl data split``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dermctl.cli.data.reading import SplitSeed, TestShare, ValShare
from dermctl.cli.data.show import show_splits
from dermctl.cli.options import JSON, example, unpack
from dermctl.cli.output import Output

if TYPE_CHECKING:
    from dermctl.core.data.split import Divided

EXAMPLE = example(
    "dermctl data split padufes --val 0.1 --test 0.3 --seed 1",
    "dermctl data split padufes --folds 5",
)


def split(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A prepared dataset; see: dermctl data list.")],
    val: ValShare = None,
    test: TestShare = None,
    seed: SplitSeed = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Folds over train and validation: folds.parquet. Without --val and --test the "
            "split stays as it is.",
        ),
    ] = None,
    json: JSON = False,
) -> None:
    """Draw the split of a prepared dataset anew, or folds for cross-validation."""
    from dermctl.core.data.split import SplitRequest
    from dermctl.core.data.split import split as run

    workspace, output, progress = unpack(ctx, json=json)
    divided = run(workspace, SplitRequest(name, val, test, seed, folds), progress)
    if json:
        output.document(divided.to_json())
    else:
        show_divided(output, divided)


def show_divided(output: Output, divided: Divided) -> None:
    """What moved, the classes of each split, and the folds."""
    output.heading(f"Dataset '{divided.name}'")
    output.facts(
        {
            "split": str(divided.recipe),
            "moved": f"{divided.moved:,} images",
            "folder": divided.folder,
        }
    )
    show_splits(output, divided.counts, divided.groups, divided.untestable)
    if divided.folds:
        output.heading("Folds over train and val (folds.parquet)")
        rows = [(str(fold), f"{images:,}") for fold, images in enumerate(divided.folds)]
        output.table(("fold", "images"), rows, right=(1,))
