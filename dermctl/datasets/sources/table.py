"""`csv`: a lab's own images, a table beside a folder.

The image column holds names with or without extension, or paths relative to the folder. What
would leave the folder is refused, row by row. A column `split` is honoured as the official one.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, RowFault, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.locate import raw_folder, require_column
from dermctl.errors import DataError, UsageFault

NAME = "csv"
COMMAND = (
    "dermctl data prepare csv --raw DIR --csv FILE --image-column C --label-column C --name NAME"
)
HINT = f"Name the folder of the images with --raw DIR: {COMMAND}"
SPLIT_COLUMN = "split"


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read the user's own table and the images in `raw`."""
    if options.csv is None or options.image_column is None:
        flag = "--csv FILE" if options.csv is None else "--image-column C"
        raise UsageFault(f"{flag} is missing", where="source csv", hint=f"Type: {COMMAND}")
    raw_folder(raw, "the images", HINT)
    if not options.csv.is_file():
        raise DataError("the table is not there", where=options.csv, hint="Check --csv FILE")
    csv = read_csv(options.csv)
    image_column = require_column(csv, options.image_column, "--image-column")
    faults: list[RowFault] = []
    return assemble(
        csv,
        scan_images(raw),
        image_column=image_column,
        label_column=_label(csv, options),
        finest=None,
        columns=_columns(csv, options),
        names=_names(csv, image_column, raw, faults),
        faults=faults,
    )


def _label(csv: CsvTable, options: ReadOptions) -> str | None:
    """--label wins over --label-column; without either the images serve pretraining only."""
    if options.label is not None:
        return require_column(csv, options.label, "--label")
    if options.label_column is not None:
        return require_column(csv, options.label_column, "--label-column")
    return None


def _columns(csv: CsvTable, options: ReadOptions) -> dict[str, str]:
    named = {
        "patient_id": (options.patient_column, "--patient-column"),
        "lesion_id": (options.lesion_column, "--lesion-column"),
        "fitzpatrick": (options.skin_type_column, "--skin-type-column"),
        "age": (options.age_column, "--age-column"),
        "sex": (options.sex_column, "--sex-column"),
        "site": (options.site_column, "--site-column"),
        "license": (options.license_column, "--license-column"),
        "split": (options.split_column, "--split-column"),
    }
    columns = {
        name: require_column(csv, column, flag)
        for name, (column, flag) in named.items()
        if column is not None
    }
    if SPLIT_COLUMN in csv.columns:
        columns.setdefault("split", SPLIT_COLUMN)
    return columns


def _names(csv: CsvTable, image_column: str, raw: Path, faults: list[RowFault]) -> list[str | None]:
    names: list[str | None] = []
    for line, cell in zip(csv.lines, csv.column(image_column), strict=True):
        try:
            names.append(path_inside(raw, cell.strip()))
        except ValueError as error:
            names.append(None)
            faults.append(RowFault("outside_raw", str(error), csv.path.name, line, cell.strip()))
    return names


def path_inside(raw: Path, cell: str) -> str | None:
    """`cell` as a path relative to `raw`, with "/"; None where it is empty.

    Raises:
        ValueError: it would leave `raw`.
    """
    if not cell:
        return None
    path = PurePosixPath(cell.replace("\\", "/"))
    if path.is_absolute():
        roots = [root for root in (raw.absolute(), raw.resolve()) if path.is_relative_to(root)]
        if not roots:
            raise ValueError(f"{cell!r} lies outside the folder of the images")
        path = path.relative_to(roots[0])
    if ".." in path.parts or PureWindowsPath(cell).drive:
        raise ValueError(f"{cell!r} leads out of the folder of the images")
    return str(path)


SOURCE = Source(
    name=NAME,
    title="a table beside a folder",
    homepage="",
    license="yours",
    citation="",
    size="",
    access="own",
    how_to_get=f"Your own images: {COMMAND}",
    layout="any folder; the table names each image by name, with or without extension, or by path",
    default_label="--label-column",
    label_columns=(),
    read=read,
    splits=("train", "val", "test"),
)
