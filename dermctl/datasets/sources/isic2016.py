"""ISIC challenge 2016, part 3: benign or malignant (Gutman et al. 2016).

The ground truths have no header: `id,benign|malignant` for training, `id,0.0|1.0` for testing.
568 of the 900 training images come back in the challenge of 2019.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from dermctl.datasets.sources import challenge
from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.joins import with_column
from dermctl.datasets.sources.locate import choose_label, download_hint

NAME = "isic2016"
HEADER = ("image", "truth")
LABEL = "benign_malignant"
TABLES = {
    "train": challenge.in_own_folder("ISBI2016_ISIC_Part3_Training_GroundTruth.csv"),
    "test": challenge.in_own_folder("ISBI2016_ISIC_Part3_Test_GroundTruth.csv"),
}
FOLDERS = (
    "ISBI2016_ISIC_Part3_Training_Data",
    "ISBI2016_ISIC_Part3_Test_Data",
    "images",
    ".",
)
WORDS = {"0": "benign", "0.0": "benign", "1": "malignant", "1.0": "malignant"}
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read the challenge of 2016 from `raw`; `benign_malignant` is the truth in words."""
    csv, splits = challenge.read_splits(
        raw, TABLES, options, source=NAME, hint=HINT, columns=(), header=HEADER
    )
    csv, splits = _without_headers(csv, splits)
    csv = with_column(csv, LABEL, _words(csv))
    return assemble(
        csv,
        scan_images(raw, FOLDERS),
        image_column="image",
        label_column=choose_label(csv, options, (LABEL,)),
        finest=LABEL,
        columns={},
        derived={"split": splits, "modality": "dermoscopic", "license": "cc-0"},
    )


def _without_headers(csv: CsvTable, splits: list[str | None]) -> tuple[CsvTable, list[str | None]]:
    """Copies of the tables are about that someone gave a header: it is no image."""
    ids = csv.column("image")
    rows = [row for row, name in enumerate(ids) if csv.lines[row] > 1 or name.startswith("ISIC_")]
    table = csv.table.take(pa.array(rows, pa.int64()))
    lines = [csv.lines[row] for row in rows]
    return CsvTable(csv.path, table, lines, csv.faults), [splits[row] for row in rows]


def _words(csv: CsvTable) -> list[str]:
    cells = [cell.strip() for cell in csv.column("truth")]
    return [WORDS.get(cell, cell) for cell in cells]


SOURCE = Source(
    name=NAME,
    title="ISIC challenge 2016, part 3",
    homepage=challenge.HOMEPAGE,
    license="CC-0",
    citation="Gutman et al.: Skin Lesion Analysis toward Melanoma Detection. arXiv:1605.01397",
    size="1,279 images",
    access="download",
    how_to_get=HINT,
    layout="the GroundTruth CSVs beside the Data folders, or beside images/",
    default_label=LABEL,
    label_columns=(LABEL,),
    read=read,
    downloads=challenge.downloads(
        "2016",
        "ISBI2016_ISIC_Part3_Training_Data.zip",
        "ISBI2016_ISIC_Part3_Training_GroundTruth.csv",
        "ISBI2016_ISIC_Part3_Test_Data.zip",
        "ISBI2016_ISIC_Part3_Test_GroundTruth.csv",
    ),
    splits=("train", "test"),
)
