"""Options of how a source is read and judged, shared by ``data prepare`` and ``data validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dermctl.datasets.sources.base import ReadOptions

_OWN = "Columns of your own table (source csv)"

SourceName = Annotated[str, typer.Argument(help="See: dermctl data list.")]
Label = Annotated[
    str | None,
    typer.Option(
        help="Column of the label, or a shared target: malignancy, ham7, isic1, isic2, isic3 "
        "(see: dermctl data taxonomy). Where a column has a target's name, --label target:NAME."
    ),
]
Indeterminate = Annotated[
    str | None,
    typer.Option(
        metavar="malignant|benign",
        help="Side of labels that are neither or both, on the target malignancy; "
        "default: they are left out, and counted.",
    ),
]
Licenses = Annotated[str | None, typer.Option("--license", help="Keep these only: cc-0,cc-by,…")]
MinClass = Annotated[int, typer.Option(min=0, help="Leave out classes with fewer images.")]
MinSide = Annotated[int, typer.Option(min=1, help="Least short side of an image, px.")]
Drop = Annotated[list[str] | None, typer.Option(help="Drop rows for this reason too; repeatable.")]
Keep = Annotated[
    list[str] | None, typer.Option(help="Keep rows in spite of this reason; repeatable.")
]
ValShare = Annotated[
    float | None, typer.Option("--val", help="Share for validation; default: as before, or 0.1.")
]
TestShare = Annotated[
    float | None, typer.Option("--test", help="Share for test; default: as before, or 0.2.")
]
SplitSeed = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed; default: as before, or 0.")
]
Csv = Annotated[Path | None, typer.Option(help="The table.", rich_help_panel=_OWN)]
OwnColumn = Annotated[str | None, typer.Option(rich_help_panel=_OWN)]


def read_options(
    label: str | None,
    indeterminate: str | None,
    csv: Path | None,
    image_column: str | None,
    label_column: str | None,
    patient_column: str | None,
    lesion_column: str | None,
    skin_type_column: str | None,
) -> ReadOptions:
    """These flags as the sources take them."""
    from dermctl.datasets.sources.base import ReadOptions

    return ReadOptions(
        label=label,
        indeterminate=indeterminate,
        csv=csv,
        image_column=image_column,
        label_column=label_column,
        patient_column=patient_column,
        lesion_column=lesion_column,
        skin_type_column=skin_type_column,
    )


def words(text: str | None) -> tuple[str, ...]:
    """A list between commas, in lower case."""
    return tuple(word.strip().lower() for word in (text or "").split(",") if word.strip())
