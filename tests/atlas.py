"""A made Fitzpatrick17k: its table, and a server that has the pictures at their addresses."""

from __future__ import annotations

import csv
import io

from tests.made import HUES, jpeg
from tests.server import Server

TABLE_PATH = "/raw.githubusercontent.com/mattgroh/fitzpatrick17k/main/fitzpatrick17k.csv"
COLUMNS = (
    "md5hash",
    "fitzpatrick_scale",
    "fitzpatrick_centaur",
    "label",
    "nine_partition_label",
    "three_partition_label",
    "qc",
    "url",
    "url_alphanum",
)
LABELS = ("inflammatory", "malignant melanoma")


def atlas_rows(count: int) -> list[dict[str, str]]:
    """Rows of the table: skin types 1 to 6 in turn, two labels in turn."""
    return [
        {
            **dict.fromkeys(COLUMNS, ""),
            "md5hash": f"{number:032x}",
            "fitzpatrick_scale": str(number % 6 + 1),
            "label": LABELS[number % 2],
            "nine_partition_label": LABELS[number % 2],
            "url": f"https://atlas.example/{number}.jpg",
        }
        for number in range(count)
    ]


def as_csv(rows: list[dict[str, str]]) -> bytes:
    """The rows as a CSV file."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def picture(number: int) -> bytes:
    """What the atlas has at an address: another colour for each label."""
    return jpeg(number, hue=tuple(HUES.values())[number % 2])


def serve_atlas(site: Server, count: int) -> list[dict[str, str]]:
    """Serve a table of so many rows, and their pictures."""
    rows = atlas_rows(count)
    site.files[TABLE_PATH] = as_csv(rows)
    for number in range(count):
        site.files[f"/atlas.example/{number}.jpg"] = picture(number)
    return rows
