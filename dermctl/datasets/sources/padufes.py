"""PAD-UFES-20: 2,298 smartphone photographs with 21 clinical features (Pacheco et al. 2020).

Spellings are the publisher's: `fitspatrick`, `biopsed`, BRAZIL and BRASIL. Symptoms (`itch`,
`grew`, ...) are True, False or UNK, and 804 rows lack most of what concerns the patient: both
stay as they are in the `src_` columns. `lesion_id` is no key, because different patients share
250 of its values: here it is preceded by the patient's id.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import Download, ReadOptions, Source, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.locate import choose_label, download_hint, read_table
from dermctl.datasets.sources.values import parse_id

NAME = "padufes"
FOLDERS = ("images", "images/imgs_part_*", "imgs_part_*", ".")
COLUMNS = {
    "patient_id": "patient_id",
    "fitzpatrick": "fitspatrick",
    "age": "age",
    "sex": "gender",
    "site": "region",
}
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read PAD-UFES-20 from `raw`."""
    needed = ("img_id", "diagnostic", "patient_id", "lesion_id")
    csv = read_table(raw, ("metadata.csv",), options, source=NAME, hint=HINT, columns=needed)
    return assemble(
        csv,
        scan_images(raw, FOLDERS, default_extension=".png"),
        image_column="img_id",
        label_column=choose_label(csv, options, SOURCE.label_columns),
        finest="diagnostic",
        columns=COLUMNS,
        derived={"lesion_id": _lesions(csv), "modality": "clinical", "license": "cc-by"},
    )


def _lesions(csv: CsvTable) -> list[str | None]:
    patients = map(parse_id, csv.column("patient_id"))
    lesions = map(parse_id, csv.column("lesion_id"))
    return [
        None if patient is None or lesion is None else f"{patient}_{lesion}"
        for patient, lesion in zip(patients, lesions, strict=True)
    ]


SOURCE = Source(
    name=NAME,
    title="PAD-UFES-20",
    homepage="https://data.mendeley.com/datasets/zr7vgbcyr2/1",
    license="CC BY 4.0",
    citation="Pacheco et al.: PAD-UFES-20. Data in Brief 32, 106221 (2020)",
    size="2,298 images, 3.6 GB",
    access="download",
    how_to_get=HINT,
    layout=(
        "metadata.csv beside images/, which holds the PNGs or the folders imgs_part_1/ to 3/, "
        "or beside the PNGs themselves"
    ),
    default_label="diagnostic",
    label_columns=("diagnostic",),
    read=read,
    downloads=(
        Download(
            "https://prod-dcd-datasets-cache-zipfiles.s3.eu-west-1.amazonaws.com/zr7vgbcyr2-1.zip",
            "zr7vgbcyr2-1.zip",
            into=".",
        ),
    ),
)
