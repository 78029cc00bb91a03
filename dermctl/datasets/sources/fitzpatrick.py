"""Fitzpatrick17k: 16,577 clinical photographs from two atlases, with skin types (Groh et al. 2021).

Two editions of the table are about. The present one has `fitzpatrick_scale` and a second
rater's `fitzpatrick_centaur`; the one of 2021 has an unnamed index column, `fitzpatrick` and no
second rater. Images are `{md5hash}.jpg`; the hash is that of the file at its `url`. The images
belong to third parties, and many are no longer where they were.

Fitzpatrick17k-C, a cleaned list (Abhishek et al. 2025), has the columns of 2021, an official
split in `partition`, and an archive of images that are called as `new_img_name` says.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from dermctl.datasets.sources.assemble import assemble
from dermctl.datasets.sources.base import (
    Download,
    ImageAddresses,
    ReadOptions,
    Source,
    SourceTable,
)
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import ImageFiles, scan_images
from dermctl.datasets.sources.locate import choose_label, download_hint, read_table, require_columns

NAME = "fitzpatrick"
TABLES = ("fitzpatrick17k.csv", "Fitzpatrick17k-C.csv")
RENAMED = "Fitzpatrick17k_CategorizedAbbrvs"
FOLDERS = ("data/finalfitz17k", "finalfitz17k", "images", f"{RENAMED}/*", ".")
SKIN_TYPE_COLUMNS = ("fitzpatrick_scale", "fitzpatrick", "fst")
ZENODO = "https://zenodo.org/api/records"
HINT = download_hint(NAME)


def read(raw: Path, options: ReadOptions) -> SourceTable:
    """Read Fitzpatrick17k from `raw`."""
    csv = read_table(raw, TABLES, options, source=NAME, hint=HINT, columns=("md5hash", "label"))
    skin_type = next((name for name in SKIN_TYPE_COLUMNS if name in csv.columns), None)
    if skin_type is None:
        require_columns(csv, SKIN_TYPE_COLUMNS[:1], NAME)
    columns = {
        "fitzpatrick": str(skin_type),
        "md5_expected": "md5hash",
        "url": "url",
        "split": "partition",
    }
    files = scan_images(raw, FOLDERS)
    return assemble(
        csv,
        files,
        image_column="md5hash",
        label_column=choose_label(csv, options, SOURCE.label_columns),
        finest="label",
        columns=columns,
        names=_names(csv, files),
        derived={
            "modality": "clinical",
            "license": "cc-by-nc-sa",
            "attribution": _attributions(csv),
        },
    )


def _names(csv: CsvTable, files: ImageFiles) -> list[str | None]:
    """What each image is called: its hash, or the new name that Fitzpatrick17k-C gives it."""
    hashes = [cell.strip() for cell in csv.column("md5hash")]
    if "new_img_name" not in csv.columns:
        return [name or None for name in hashes]
    renamed = [cell.strip() for cell in csv.column("new_img_name")]
    return [
        new if new and files.find(new) else old or None
        for new, old in zip(renamed, hashes, strict=True)
    ]


def _attributions(csv: CsvTable) -> list[str | None]:
    """The host that an image comes from: who holds its rights."""
    if "url" not in csv.columns:
        return [None] * csv.table.num_rows
    return [urlsplit(url).hostname if url else None for url in csv.column("url")]


SOURCE = Source(
    name=NAME,
    title="Fitzpatrick17k",
    homepage="https://github.com/mattgroh/fitzpatrick17k",
    license="CC BY-NC-SA 3.0 (the annotations; the images belong to third parties)",
    citation="Groh et al.: Evaluating Deep Neural Networks Trained on Clinical Images in "
    "Dermatology with the Fitzpatrick 17k Dataset. CVPR Workshops (2021)",
    size="16,577 images, fetched one by one from their atlases; many are gone",
    access="download",
    how_to_get=HINT,
    layout="fitzpatrick17k.csv beside data/finalfitz17k/, or images/, or the images themselves",
    default_label="nine_partition_label",
    label_columns=("nine_partition_label", "three_partition_label", "label"),
    read=read,
    downloads=(
        Download(
            "https://raw.githubusercontent.com/mattgroh/fitzpatrick17k/main/fitzpatrick17k.csv",
            TABLES[0],
        ),
    ),
    splits=("train", "val", "test"),
    images=ImageAddresses(TABLES[0], "md5hash", "url", FOLDERS[0]),
    editions={
        "c": (
            Download(f"{ZENODO}/12739457/files/{TABLES[1]}/content", TABLES[1]),
            Download(f"{ZENODO}/11101338/files/{RENAMED}.zip/content", f"{RENAMED}.zip"),
        )
    },
)
