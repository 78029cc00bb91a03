"""The ISIC archive: a folder of images and a `metadata.csv` whose columns vary.

Only `isic_id` is always there. Present downloads have `diagnosis_1` (Benign, Indeterminate,
Malignant) to `diagnosis_5` and `anatom_site_1` to `anatom_site_5`; older ones
`benign_malignant`, `diagnosis` and `anatom_site_general`. Licences differ from image to image.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import Download, ImageSearch, ReadOptions, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.locate import choose_label, download_hint, read_table
from dermctl.datasets.sources.values import is_missing, parse_label, parse_text

NAME = "isic"
FOLDERS = ("images", ".")
COLUMNS = {
    "patient_id": "patient_id",
    "lesion_id": "lesion_id",
    "fitzpatrick": "fitzpatrick_skin_type",
    "age": "age_approx",
    "sex": "sex",
    "license": "copyright_license",
    "attribution": "attribution",
}
LEVELS = 5  # of diagnosis_1.. and anatom_site_1..
DIAGNOSES = (*(f"diagnosis_{level}" for level in range(LEVELS, 0, -1)), "diagnosis")
SITES = (*(f"anatom_site_{level}" for level in range(LEVELS, 0, -1)), "anatom_site_general")
LABELS = ("diagnosis_1", "benign_malignant")
MODALITIES = {"dermoscopic": "dermoscopic", "clinical": "clinical", "tbp": "tbp", "rcm": "rcm"}
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read a download of the ISIC archive from `raw`."""
    tables = ("metadata.csv",)
    csv = read_table(raw, tables, options, source=NAME, hint=HINT, columns=("isic_id",))
    label = choose_label(csv, options, LABELS)
    finest = deepest(csv, (*DIAGNOSES, "benign_malignant"))
    return assemble(
        csv,
        scan_images(raw, FOLDERS),
        image_column="isic_id",
        label_column=label,
        finest=[value and parse_label(value) for value in finest],
        columns=COLUMNS,
        derived={
            "site": [value and parse_text(value) for value in deepest(csv, SITES)],
            "modality": modalities(csv),
        },
    )


def deepest(csv: CsvTable, columns: tuple[str, ...]) -> list[str | None]:
    """For each row, the first of `columns` that says something."""
    values: list[str | None] = [None] * csv.table.num_rows
    for column in reversed(columns):
        if column in csv.columns:
            cells = csv.column(column)
            values = [
                old if is_missing(cell) else cell for old, cell in zip(values, cells, strict=True)
            ]
    return values


def modalities(csv: CsvTable) -> list[str | None]:
    """From `image_type`: "dermoscopic", "clinical: close-up", "TBP tile: overview", ..."""
    if "image_type" not in csv.columns:
        return [None] * csv.table.num_rows
    words = [cell.lower().replace(":", " ").split()[:1] for cell in csv.column("image_type")]
    return [MODALITIES.get(word[0]) if word else None for word in words]


SOURCE = Source(
    name=NAME,
    title="ISIC archive",
    homepage="https://www.isic-archive.com",
    license="CC-0, CC-BY or CC-BY-NC, image by image",
    citation="The International Skin Imaging Collaboration: ISIC Archive",
    size="over 500,000 images; choose collections",
    access="download",
    how_to_get=HINT,
    layout="metadata.csv beside images/, or beside the images themselves",
    default_label="diagnosis_1",
    label_columns=(*(f"diagnosis_{level}" for level in range(1, LEVELS + 1)), "benign_malignant"),
    read=read,
    images=ImageSearch("https://api.isic-archive.com/api/v2"),
    editions={
        "snapshot": (
            Download(
                "https://isic-archive.s3.us-east-1.amazonaws.com/snapshots/ISIC_images.zip",
                "ISIC_images.zip",
                into=".",
            ),
        )
    },
)
