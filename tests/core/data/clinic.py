"""A made clinic: a table beside a folder, whole or with one of each defect."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from dermctl.core.data.prepare import PrepareRequest
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.sources.base import ReadOptions
from tests.made import write_picture

CLASSES = ("melanoma", "nevus")
PATIENTS, EACH = 10, 3
HEADER = "file,diagnosis,patient,skin,licence,note"
DEFECTS = {
    "missing_file": 1,
    "missing_label": 1,
    "license_excluded": 1,
    "duplicate_id": 1,
    "not_rgb": 1,
    "too_small": 1,
    "zero_bytes": 1,
    "not_an_image": 1,
    "label_conflict": 2,
    "class_too_small": 1,
    "malformed_row": 2,
}
"""Reason -> rows of the made clinic that it drops."""


@dataclass(frozen=True)
class Clinic:
    """Where it lies, and how it is prepared."""

    raw: Path
    table: Path

    def request(self, **changes: Any) -> PrepareRequest:
        """What to prepare; small and in this process."""
        read = ReadOptions(
            csv=self.table,
            image_column="file",
            label_column="diagnosis",
            patient_column="patient",
            skin_type_column="skin",
            license_column="licence",
        )
        plain = PrepareRequest(
            source="csv", raw=self.raw, name="clinic", read=read, size=32, workers=1
        )
        return replace(plain, **changes)


def make_clinic(folder: Path) -> Clinic:
    """Ten patients with three pictures each, of two classes; nothing is wrong with them."""
    clinic = Clinic(folder / "photos", folder / "table.csv")
    lines = [HEADER]
    for number in range(PATIENTS * EACH):
        patient = number // EACH
        label = CLASSES[patient % 2]
        write_picture(clinic.raw / f"img-{number}.png", number, label=label)
        lines.append(f"img-{number},{label},P{patient},{patient % 6 + 1},CC-0,note {number}")
    clinic.table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return clinic


def add_defects(clinic: Clinic) -> int:
    """Add one row of each defect (two of a label conflict); returns the number of rows in all."""
    raw = clinic.raw
    write_picture(raw / "no-label.png", 101)
    write_picture(raw / "nc.png", 102)
    write_picture(raw / "small.png", 103, side=20)
    write_picture(raw / "rare.png", 104)
    write_picture(raw / "conflict-a.png", 105)
    shutil.copy(raw / "conflict-a.png", raw / "conflict-b.png")
    grey = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)
    Image.fromarray(grey).save(raw / "grey.png")
    (raw / "empty.png").touch()
    (raw / "page.jpg").write_text("<html>404</html>" * 50)
    rows = [
        "gone,nevus,P0,1,CC-0,",
        "no-label,,P0,1,CC-0,",
        "nc,nevus,P0,1,CC-BY-NC,",
        "img-0,melanoma,P0,1,CC-0,twice",
        "grey,nevus,P1,1,CC-0,",
        "small,nevus,P1,1,CC-0,",
        "empty,nevus,P1,1,CC-0,",
        "page,nevus,P1,1,CC-0,",
        "conflict-a,nevus,P2,1,CC-0,",
        "conflict-b,melanoma,P3,1,CC-0,",
        "rare,carcinoma,P3,1,CC-0,",
        "short,nevus",
        "long,nevus,P1,1,CC-0,,more",
    ]
    with clinic.table.open("a", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    return PATIENTS * EACH + len(rows)


def tables(folder: Path) -> dict[str, pa.Table]:
    """The manifests and the rejections of a prepared dataset."""
    return {name: pq.read_table(folder / f"{name}.parquet") for name in (*SPLITS, "rejected")}


def column(found: Mapping[str, pa.Table], name: str, splits: Sequence[str] = SPLITS) -> list[Any]:
    """One column of several splits, one after another."""
    values: list[Any] = [value for split in splits for value in found[split][name].to_pylist()]
    return values
