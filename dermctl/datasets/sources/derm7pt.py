"""Derm7pt: 1,011 cases, each with a dermoscopic and a clinical image (Kawahara et al. 2018).

`meta/meta.csv` has a row a case, with the paths of its two images in `derm` and `clinic`, so a
case becomes two rows here; the case is the lesion. `meta/{train,valid,test}_indexes.csv` hold
the official split as row numbers of the table, counted from 0.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, RowFault, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.locate import (
    choose_label,
    find_optional_table,
    read_table,
    require_columns,
)

NAME = "derm7pt"
HOMEPAGE = "https://derm.cs.sfu.ca"
HINT = f"Ask for it at {HOMEPAGE}, then name its folder with --raw DIR"
MODALITIES = {"derm": "dermoscopic", "clinic": "clinical"}
SPLITS = {"train": "train_indexes.csv", "val": "valid_indexes.csv", "test": "test_indexes.csv"}


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read Derm7pt from `raw`: first all dermoscopic images, then all clinical ones."""
    tables = ("meta/meta.csv", "meta.csv")
    needed = ("case_num", "diagnosis", *MODALITIES)
    cases = read_table(raw, tables, options, source=NAME, hint=HINT, columns=needed)
    splits, faults = _splits(raw, cases)
    csv = _images_of(cases)
    count = cases.table.num_rows
    return assemble(
        csv,
        scan_images(raw, ("images", ".")),
        image_column="image",
        label_column=choose_label(csv, options, SOURCE.label_columns),
        finest="diagnosis",
        columns={"lesion_id": "case_num", "sex": "sex", "site": "location"},
        derived={
            "split": splits * len(MODALITIES),
            "modality": [word for word in MODALITIES.values() for _ in range(count)],
        },
        names=[_below_images(cell) for cell in csv.column("image")],
        faults=faults,
    )


def _images_of(cases: CsvTable) -> CsvTable:
    """The table once for each kind of image, its path in the column `image`."""
    tables = [cases.table.append_column("image", cases.table.column(kind)) for kind in MODALITIES]
    return CsvTable(
        cases.path, pa.concat_tables(tables), cases.lines * len(MODALITIES), cases.faults
    )


def _below_images(cell: str) -> str | None:
    path = cell.strip().replace("\\", "/")
    return f"images/{path}" if path else None


def _splits(raw: Path, cases: CsvTable) -> tuple[list[str | None], list[RowFault]]:
    splits: list[str | None] = [None] * cases.table.num_rows
    faults: list[RowFault] = []
    for split, name in SPLITS.items():
        path = find_optional_table(raw, (f"meta/{name}", name))
        if path is None:
            continue
        csv = require_columns(read_csv(path), ("indexes",), NAME)
        for line, cell in zip(csv.lines, csv.column("indexes"), strict=True):
            row = int(cell) if cell.strip().isdecimal() else -1
            if 0 <= row < len(splits):
                splits[row] = split
            else:
                detail = f"{cell!r} is no row of {cases.path.name}"
                faults.append(RowFault("unmatched_row", detail, path.name, line))
    return splits, faults


SOURCE = Source(
    name=NAME,
    title="Derm7pt, the seven-point checklist data set",
    homepage=HOMEPAGE,
    license="for research and education, on registration",
    citation="Kawahara et al.: Seven-Point Checklist and Skin Lesion Classification using "
    "Multitask Multimodal Neural Nets. IEEE JBHI 23 (2018)",
    size="2,022 images of 1,011 cases",
    access="terms",
    how_to_get=HINT,
    layout="meta/meta.csv and meta/{train,valid,test}_indexes.csv beside images/",
    default_label="diagnosis",
    label_columns=("diagnosis",),
    read=read,
    splits=("train", "val", "test"),
)
