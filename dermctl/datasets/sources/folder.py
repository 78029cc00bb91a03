"""`folder`: a lab's own images, a folder a class.

The label is the name of the folder right below the root; folders further down are part of the
image's path only. Images in the root belong to no class, and other files are no images: both are
reported. Hidden files are passed over.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, RowFault, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import ImageFiles, scan_images
from dermctl.datasets.sources.locate import raw_folder
from dermctl.errors import DataError, UsageFault

NAME = "folder"
COMMAND = "dermctl data prepare folder --raw DIR --name NAME"
LABEL = "folder"


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read class folders from `raw`; `image_id` is the path below it."""
    raw_folder(raw, "the class folders", f"Name the folder with --raw DIR: {COMMAND}")
    if options.label not in (None, LABEL):
        raise UsageFault(
            f"--label {options.label}: class folders have no columns",
            where="source folder",
            hint="Leave --label out, or use a table: dermctl data prepare csv --help",
        )
    files = scan_images(raw)
    listed = [path for path in files.paths if "/" in path]
    if not listed:
        raise DataError(
            "there are no images in class folders",
            where=raw,
            hint="Lay them out as DIR/<class>/<image>, or use a table: "
            "dermctl data prepare csv --help",
        )
    table = assemble(
        _as_table(raw, listed),
        files,
        image_column="path",
        label_column=LABEL,
        finest=None,
        columns={},
        derived={"line": [None] * len(listed)},
        faults=_left_out(files),
    )
    return replace(table, unlisted=[])  # those in the root are faults already


def _left_out(files: ImageFiles) -> list[RowFault]:
    """Images in the root, and whatever else lies in a class folder."""
    loose = [path for path in files.paths if "/" not in path]
    others = [path for path in files.others if "/" in path]
    return [
        *(RowFault("misplaced_file", "the image lies in no class folder", path) for path in loose),
        *(RowFault("misplaced_file", "its name is not that of an image", path) for path in others),
    ]


def _as_table(raw: Path, listed: list[str]) -> CsvTable:
    labels = [path.partition("/")[0] for path in listed]
    table = pa.table({"path": pa.array(listed), LABEL: pa.array(labels)})
    return CsvTable(raw, table, [0] * len(listed))


SOURCE = Source(
    name=NAME,
    title="a folder a class",
    homepage="",
    license="yours",
    citation="",
    size="",
    access="own",
    how_to_get=f"Your own images: {COMMAND}",
    layout="<class>/<image>, at any depth below the class",
    default_label=LABEL,
    label_columns=(LABEL,),
    read=read,
)
