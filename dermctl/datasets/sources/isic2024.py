"""ISIC challenge 2024 (SLICE-3D): 401,059 crops from total-body photographs, 393 malignant.

The labels, `isic_id,malignant`, lie apart from `metadata.csv` and are joined to it; so are the
diagnoses of the supplement (`iddx_full`, `iddx_1` to `iddx_5`). Kaggle's `train-metadata.csv`
has all of it, the label as `target`.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources import challenge
from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.isic import deepest, modalities
from dermctl.datasets.sources.joins import join
from dermctl.datasets.sources.locate import (
    choose_label,
    download_hint,
    find_optional_table,
    read_table,
    require_columns,
)
from dermctl.datasets.sources.values import parse_label
from dermctl.errors import DataError

NAME = "isic2024"
INPUT = "ISIC_2024_Training_Input"
TABLES = ("metadata.csv", f"{INPUT}/metadata.csv", "train-metadata.csv")
TRUTH = ("ISIC_2024_Training_GroundTruth.csv",)
SUPPLEMENT = ("ISIC_2024_Training_Supplement.csv",)
FOLDERS = (INPUT, "train-image/image", "images", ".")
COLUMNS = {
    "patient_id": "patient_id",
    "lesion_id": "lesion_id",
    "age": "age_approx",
    "sex": "sex",
    "site": "anatom_site_general",
    "license": "copyright_license",
    "attribution": "attribution",
}
LABELS = ("malignant", "target")
DIAGNOSES = (*(f"iddx_{level}" for level in range(5, 0, -1)), *LABELS)
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read the challenge of 2024 from `raw`.

    Raises:
        DataError: besides the usual, the labels are nowhere.
    """
    csv = read_table(raw, TABLES, options, source=NAME, hint=HINT, columns=("isic_id",))
    csv = _joined(csv, raw, SUPPLEMENT)
    csv = require_columns(_joined(csv, raw, TRUTH), ("isic_id",), NAME)
    if options.label is None and not set(LABELS).intersection(csv.columns):
        raise DataError(f"{TRUTH[0]}, the labels, is not there", where=raw, hint=HINT)
    finest = deepest(csv, DIAGNOSES)
    return assemble(
        csv,
        scan_images(raw, FOLDERS),
        image_column="isic_id",
        label_column=choose_label(csv, options, LABELS),
        finest=[value and parse_label(value) for value in finest],
        columns=COLUMNS,
        derived={"split": "train", "modality": modalities(csv)},
    )


def _joined(csv: CsvTable, raw: Path, names: tuple[str, ...]) -> CsvTable:
    path = find_optional_table(raw, names)
    return csv if path is None else join(csv, read_csv(path), "isic_id")


SOURCE = Source(
    name=NAME,
    title="ISIC challenge 2024, SLICE-3D",
    homepage="https://doi.org/10.34970/2024-slice-3d",
    license="CC BY-NC 4.0 (image by image in the metadata)",
    citation="Kurtansky et al.: The SLICE-3D dataset. Scientific Data 11, 884 (2024)",
    size="401,059 images, 1.2 GB",
    access="download",
    how_to_get=HINT,
    layout="ISIC_2024_Training_GroundTruth.csv beside ISIC_2024_Training_Input/ with metadata.csv",
    default_label=LABELS[0],
    label_columns=(*LABELS, *(f"iddx_{level}" for level in range(1, 6))),
    read=read,
    downloads=challenge.downloads(
        "2024",
        "ISIC_2024_Training_Input.zip",
        "ISIC_2024_Training_GroundTruth.csv",
        "ISIC_2024_Training_Supplement.csv",
    ),
    splits=("train",),
)
