"""ISIC challenge 2019: 25,331 training images in eight classes and "unknown", one-hot.

Ages, sites and lesions are in `ISIC_2019_*_Metadata.csv`. 2,074 ids end in `_downsampled`, and
so do their files. There is no patient id.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources import challenge
from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.joins import join, one_hot, stack, with_column
from dermctl.datasets.sources.locate import choose_label, download_hint, find_optional_table

NAME = "isic2019"
CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
LABEL = "diagnosis"
WORDS = {"train": "Training", "test": "Test"}
TABLES = {
    split: challenge.in_own_folder(f"ISIC_2019_{word}_GroundTruth.csv")
    for split, word in WORDS.items()
}
METADATA = {split: (f"ISIC_2019_{word}_Metadata.csv",) for split, word in WORDS.items()}
FOLDERS = ("ISIC_2019_Training_Input", "ISIC_2019_Test_Input", "images", ".")
COLUMNS = {
    "lesion_id": "lesion_id",
    "age": "age_approx",
    "sex": "sex",
    "site": "anatom_site_general",
}
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read the challenge of 2019 from `raw`; `diagnosis` is the class whose column is 1."""
    csv, splits = challenge.read_splits(
        raw, TABLES, options, source=NAME, hint=HINT, columns=("image", *CLASSES)
    )
    labels, faults = one_hot(csv, CLASSES)
    csv = _with_metadata(with_column(csv, LABEL, labels), raw)
    return assemble(
        csv,
        scan_images(raw, FOLDERS),
        image_column="image",
        label_column=choose_label(csv, options, (LABEL,)),
        finest=LABEL,
        columns=COLUMNS,
        derived={"split": splits, "modality": "dermoscopic", "license": "cc-by-nc"},
        faults=faults,
    )


def _with_metadata(csv: CsvTable, raw: Path) -> CsvTable:
    found = {split: find_optional_table(raw, names) for split, names in METADATA.items()}
    parts = {split: read_csv(path) for split, path in found.items() if path is not None}
    return join(csv, stack(parts)[0], "image") if parts else csv


SOURCE = Source(
    name=NAME,
    title="ISIC challenge 2019",
    homepage=challenge.HOMEPAGE,
    license="CC BY-NC 4.0",
    citation="Tschandl et al.: The HAM10000 dataset. Scientific Data 5 (2018); Codella et al. "
    "arXiv:1710.05006; Combalia et al.: BCN20000. arXiv:1908.02288",
    size="25,331 training images, 9.1 GB; 8,238 test images",
    access="download",
    how_to_get=HINT,
    layout="ISIC_2019_*_GroundTruth.csv and _Metadata.csv beside the Input folders, or images/",
    default_label=LABEL,
    label_columns=(LABEL,),
    read=read,
    downloads=challenge.downloads(
        "2019",
        "ISIC_2019_Training_Input.zip",
        "ISIC_2019_Training_GroundTruth.csv",
        "ISIC_2019_Training_Metadata.csv",
        "ISIC_2019_Test_Input.zip",
        "ISIC_2019_Test_GroundTruth.csv",
        "ISIC_2019_Test_Metadata.csv",
    ),
    splits=("train", "test"),
)
