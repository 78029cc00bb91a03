"""ISIC challenge 2018, task 3: seven classes, one-hot; the training images are HAM10000's.

`ISIC2018_Task3_Training_LesionGroupings.csv` gives the lesions of the training images; the
others have none.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources import challenge
from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.joins import join, one_hot, with_column
from dermctl.datasets.sources.locate import choose_label, download_hint, find_optional_table

NAME = "isic2018"
CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
LABEL = "diagnosis"
TABLES = {
    split: challenge.in_own_folder(f"ISIC2018_Task3_{word}_GroundTruth.csv")
    for split, word in (("train", "Training"), ("val", "Validation"), ("test", "Test"))
}
GROUPINGS = ("ISIC2018_Task3_Training_LesionGroupings.csv",)
FOLDERS = (
    "ISIC2018_Task3_Training_Input",
    "ISIC2018_Task3_Validation_Input",
    "ISIC2018_Task3_Test_Input",
    "images",
    ".",
)
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read the challenge of 2018 from `raw`; `diagnosis` is the class whose column is 1."""
    csv, splits = challenge.read_splits(
        raw, TABLES, options, source=NAME, hint=HINT, columns=("image", *CLASSES)
    )
    labels, faults = one_hot(csv, CLASSES)
    csv = _with_lesions(with_column(csv, LABEL, labels), raw)
    return assemble(
        csv,
        scan_images(raw, FOLDERS),
        image_column="image",
        label_column=choose_label(csv, options, (LABEL,)),
        finest=LABEL,
        columns={"lesion_id": "lesion_id"},
        derived={"split": splits, "modality": "dermoscopic", "license": "cc-by-nc"},
        faults=faults,
    )


def _with_lesions(csv: CsvTable, raw: Path) -> CsvTable:
    path = find_optional_table(raw, GROUPINGS)
    if path is None:
        return csv
    joined = join(csv, read_csv(path), "image")
    # Images of the other splits are not in the groupings, by design: only the reverse is odd.
    faults = [f for f in joined.faults if f.code != "unmatched_row" or f.file == path.name]
    return CsvTable(joined.path, joined.table, joined.lines, faults)


SOURCE = Source(
    name=NAME,
    title="ISIC challenge 2018, task 3",
    homepage=challenge.HOMEPAGE,
    license="CC BY-NC 4.0",
    citation="Codella et al.: Skin Lesion Analysis Toward Melanoma Detection 2018. "
    "arXiv:1902.03368; Tschandl et al.: The HAM10000 dataset. Scientific Data 5 (2018)",
    size="10,015 training, 193 validation and 1,512 test images",
    access="download",
    how_to_get=HINT,
    layout="the GroundTruth CSVs (also in folders of their own) beside the Input folders",
    default_label=LABEL,
    label_columns=(LABEL,),
    read=read,
    downloads=challenge.downloads(
        "2018",
        "ISIC2018_Task3_Training_Input.zip",
        "ISIC2018_Task3_Training_GroundTruth.zip",
        "ISIC2018_Task3_Training_LesionGroupings.csv",
        "ISIC2018_Task3_Validation_Input.zip",
        "ISIC2018_Task3_Validation_GroundTruth.zip",
        "ISIC2018_Task3_Test_Input.zip",
        "ISIC2018_Task3_Test_GroundTruth.zip",
    ),
    splits=("train", "val", "test"),
)
