"""Options of how a source is read and judged, shared by ``data prepare`` and ``data validate``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from dermctl.cli.options import Workers

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
Drop = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REASON",
        help="Drop rows for this reason too; repeatable. The table of them: dermctl data reasons.",
    ),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(metavar="REASON", help="Keep rows in spite of this reason; repeatable."),
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


def _own_column(what: str) -> Any:
    """The option that names the column of the user's own table which holds `what`."""
    return typer.Option(help=what, rich_help_panel=_OWN)


ImageColumn = Annotated[
    str | None,
    _own_column("Name of the image: with or without extension, or its path in --raw. Needed."),
]
LabelColumn = Annotated[
    str | None, _own_column("Class; without it the images serve pretraining only.")
]
PatientColumn = Annotated[str | None, _own_column("Patient's id: never divided between splits.")]
LesionColumn = Annotated[str | None, _own_column("Lesion's id: never divided between splits.")]
SkinTypeColumn = Annotated[str | None, _own_column("Fitzpatrick skin type, 1 to 6 or I to VI.")]
AgeColumn = Annotated[str | None, _own_column("Age in years.")]
SexColumn = Annotated[str | None, _own_column("Sex.")]
SiteColumn = Annotated[str | None, _own_column("Place on the body.")]
LicenseColumn = Annotated[str | None, _own_column("Licence of the image.")]
SplitColumn = Annotated[
    str | None, _own_column("Split that is kept: train, val or test. Default: split, if there.")
]


def reading_flags(
    label: Label = None,
    indeterminate: Indeterminate = None,
    workers: Workers = None,
    license: Licenses = None,
    min_class: MinClass = 0,
    min_side: MinSide = 32,
    drop: Drop = None,
    keep: Keep = None,
    csv: Csv = None,
    image_column: ImageColumn = None,
    label_column: LabelColumn = None,
    patient_column: PatientColumn = None,
    lesion_column: LesionColumn = None,
    skin_type_column: SkinTypeColumn = None,
    age_column: AgeColumn = None,
    sex_column: SexColumn = None,
    site_column: SiteColumn = None,
    license_column: LicenseColumn = None,
    split_column: SplitColumn = None,
) -> dict[str, Any]:
    """These flags as fields of the request."""
    from dermctl.datasets.sources.base import ReadOptions

    return {
        "read": ReadOptions(
            label=label,
            indeterminate=indeterminate,
            csv=csv,
            image_column=image_column,
            label_column=label_column,
            patient_column=patient_column,
            lesion_column=lesion_column,
            skin_type_column=skin_type_column,
            age_column=age_column,
            sex_column=sex_column,
            site_column=site_column,
            license_column=license_column,
            split_column=split_column,
        ),
        "workers": workers,
        "licenses": words(license),
        "min_class": min_class,
        "min_side": min_side,
        "drop": tuple(drop or ()),
        "keep": tuple(keep or ()),
    }


def with_reading_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of ``reading_flags`` where it has the parameter ``reading``."""
    shared = inspect.signature(reading_flags, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters

    @wraps(command)
    def call(**given: Any) -> None:
        flags = {name: given.pop(name) for name in shared}
        command(**given, reading=reading_flags(**flags))

    flags = [
        flag.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in own.values()
        for flag in (shared.values() if parameter.name == "reading" else [parameter])
    ]
    call.__signature__ = inspect.Signature(flags)  # type: ignore[attr-defined]
    call.__annotations__ = {flag.name: flag.annotation for flag in flags}
    return call


def words(text: str | None) -> tuple[str, ...]:
    """A list between commas, in lower case."""
    return tuple(word.strip().lower() for word in (text or "").split(",") if word.strip())
