"""ISIC challenge 2020 (SIIM-ISIC): 33,126 training images of 2,056 patients, 584 melanomas.

The second version of the ground truth adds `lesion_id`. 425 pairs of images are known to show
the same photograph: `ISIC_2020_Training_Duplicates.csv`. The test labels are not published.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources import challenge
from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.csvfile import read_csv
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.locate import (
    choose_label,
    download_hint,
    find_optional_table,
    read_table,
    require_columns,
)

NAME = "isic2020"
TABLES = (
    "ISIC_2020_Training_GroundTruth_v2.csv",
    "ISIC_2020_Training_GroundTruth.csv",
    "train.csv",
)
DUPLICATES = ("ISIC_2020_Training_Duplicates.csv",)
PAIR = ("image_name_1", "image_name_2")
FOLDERS = (
    "ISIC_2020_Training_JPEG/train",
    "ISIC_2020_Training_JPEG",
    "jpeg/train",
    "train",
    "images",
    ".",
)
COLUMNS = {
    "patient_id": "patient_id",
    "lesion_id": "lesion_id",
    "age": "age_approx",
    "sex": "sex",
    "site": "anatom_site_general_challenge",
}
LABELS = ("benign_malignant", "diagnosis")
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read the challenge of 2020 from `raw`, the second version of its labels where it is there."""
    needed = ("image_name", "patient_id", "benign_malignant", "diagnosis")
    csv = read_table(raw, TABLES, options, source=NAME, hint=HINT, columns=needed)
    return assemble(
        csv,
        scan_images(raw, FOLDERS),
        image_column="image_name",
        label_column=choose_label(csv, options, LABELS[:1]),
        finest="diagnosis",
        columns=COLUMNS,
        derived={"split": "train", "modality": "dermoscopic", "license": "cc-by-nc"},
        duplicates=_duplicates(raw),
    )


def _duplicates(raw: Path) -> list[tuple[str, str]]:
    path = find_optional_table(raw, DUPLICATES)
    if path is None:
        return []
    csv = require_columns(read_csv(path), PAIR, NAME)
    first, second = (csv.column(name) for name in PAIR)
    return [(a.strip(), b.strip()) for a, b in zip(first, second, strict=True)]


SOURCE = Source(
    name=NAME,
    title="ISIC challenge 2020",
    homepage=challenge.HOMEPAGE,
    license="CC BY-NC 4.0",
    citation="Rotemberg et al.: A patient-centric dataset of images and metadata for "
    "identifying melanomas using clinical context. Scientific Data 8, 34 (2021)",
    size="33,126 training images, 23 GB",
    access="download",
    how_to_get=HINT,
    layout="ISIC_2020_Training_GroundTruth(_v2).csv beside ISIC_2020_Training_JPEG/, or images/",
    default_label=LABELS[0],
    label_columns=LABELS,
    read=read,
    downloads=challenge.downloads(
        "2020",
        "ISIC_2020_Training_JPEG.zip",
        "ISIC_2020_Training_GroundTruth_v2.csv",
        "ISIC_2020_Training_Duplicates.csv",
    ),
    splits=("train",),
)
