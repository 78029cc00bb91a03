"""HAM10000: 10,015 dermatoscopic images of 7,470 lesions in seven classes (Tschandl et al. 2018).

The table is `HAM10000_metadata.csv`; some downloads name it without the extension. The label
`akiec` mixes actinic keratosis with Bowen's disease (squamous cell carcinoma in situ). There is
no patient id: lesions are the only groups.
"""

from __future__ import annotations

from pathlib import Path

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import Download, ReadOptions, Source, SourceTable
from dermctl.datasets.sources.images import scan_images
from dermctl.datasets.sources.locate import choose_label, download_hint, read_table

NAME = "ham10000"
FILES = "https://dataverse.harvard.edu/api/access/datafile"
TABLES = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
FOLDERS = ("HAM10000_images_part_1", "HAM10000_images_part_2", "images", ".")
COLUMNS = {"lesion_id": "lesion_id", "age": "age", "sex": "sex", "site": "localization"}
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read HAM10000 from `raw`."""
    needed = ("image_id", "dx", "lesion_id")
    csv = read_table(raw, TABLES, options, source=NAME, hint=HINT, columns=needed)
    return assemble(
        csv,
        scan_images(raw, FOLDERS),
        image_column="image_id",
        label_column=choose_label(csv, options, SOURCE.label_columns),
        finest="dx",
        columns=COLUMNS,
        derived={"modality": "dermoscopic", "license": "cc-by-nc"},
    )


SOURCE = Source(
    name=NAME,
    title="HAM10000",
    homepage="https://doi.org/10.7910/DVN/DBW86T",
    license="CC BY-NC 4.0",
    citation=(
        "Tschandl, Rosendahl, Kittler: The HAM10000 dataset. Scientific Data 5, 180161 (2018)"
    ),
    size="10,015 images, 2.8 GB",
    access="download",
    how_to_get=HINT,
    layout=(
        "HAM10000_metadata.csv beside HAM10000_images_part_1/ and HAM10000_images_part_2/, "
        "or images/, or the images themselves"
    ),
    default_label="dx",
    label_columns=("dx",),
    read=read,
    downloads=(
        # `format=original`: as deposited, not as the archive rewrites tables.
        Download(
            f"{FILES}/4338392?format=original",
            "HAM10000_metadata.csv",
            md5="8f85fb1aa29d80a2797247e434deb79d",
            size=690_218,
        ),
        Download(
            f"{FILES}/3172585",
            "HAM10000_images_part_1.zip",
            md5="4639bfa73ab251610530a97c898e6e46",
            size=1_366_522_108,
        ),
        Download(
            f"{FILES}/3172584",
            "HAM10000_images_part_2.zip",
            md5="da43d6cc50f6613013be07e8986b384b",
            size=1_403_566_547,
        ),
    ),
)
