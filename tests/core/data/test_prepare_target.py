"""A target in place of a label: another one moves no image, and what it leaves out is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.sources.base import ReadOptions
from dermctl.errors import DataError
from dermctl.workspace import Workspace
from tests.core.data.clinic import tables
from tests.made import write_picture

DX = ("akiec", "bcc", "mel", "nv", "nv")
LESIONS, EACH = 60, 2


@pytest.fixture(scope="module")
def ham(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty lesions of two pictures each, laid out like HAM10000; two rows have no label."""
    raw = tmp_path_factory.mktemp("ham")
    lines = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
    labels = np.random.default_rng(0).permutation(np.resize(DX, LESIONS))
    for number in range(LESIONS * EACH):
        write_picture(raw / "images" / f"ISIC_{number}.png", number)
        label = "" if number < 2 else labels[number // EACH]
        lines.append(f"L{number // EACH},ISIC_{number},{label},histo,50,male,back")
    (raw / "HAM10000_metadata.csv").write_text("\n".join(lines) + "\n")
    return raw


def splits_of(folder: Path) -> dict[str, str]:
    return {
        name: split
        for split in SPLITS
        for name in pq.read_table(folder / f"{split}.parquet")["image_id"].to_pylist()
    }


@pytest.fixture
def made(ham: Path, tmp_path: Path) -> Any:
    def of(name: str, **options: Any) -> Path:
        read = {key: options.pop(key) for key in ("label", "indeterminate") if key in options}
        request = PrepareRequest(
            "ham10000", raw=ham, name=name, read=ReadOptions(**read), size=32, workers=1, **options
        )
        return prepare(Workspace(tmp_path), request).folder

    return of


@pytest.mark.slow
def test_another_label_moves_no_image(made: Any) -> None:
    by_class = splits_of(made("by-class"))
    by_target = splits_of(made("by-target", label="malignancy"))
    kept = splits_of(made("kept", label="malignancy", indeterminate="malignant"))
    few = splits_of(made("few", min_class=45))
    assert kept == by_class
    assert 0 < len(by_target) < len(by_class)
    assert 0 < len(few) < len(by_class)
    for part in (by_target, few):
        assert part == {name: by_class[name] for name in part}


def test_what_has_no_class_is_counted_and_named(made: Any) -> None:
    folder = made("by-target", label="malignancy")
    rejected = tables(folder)["rejected"].to_pylist()
    document = json.loads((folder / "dataset.json").read_text())
    indeterminate = [row for row in rejected if row["reason"] == "indeterminate"]
    assert {row["label_raw"] for row in indeterminate} == {"akiec"}
    left_out = document["target"]["left_out"]
    assert left_out["indeterminate"] == {"akiec": len(indeterminate)}
    assert document["label"] == "malignancy"
    assert document["classes"] == ["benign", "malignant"]
    assert document["rows"] == document["kept"] + len(rejected) == LESIONS * EACH
    assert set(tables(folder)["train"]["label_raw"].to_pylist()) == {"bcc", "mel", "nv"}
    assert "left out as indeterminate: akiec" in (folder / "report.html").read_text()


@pytest.mark.slow
def test_a_label_that_is_left_out_and_comes_back_keeps_its_split(made: Any) -> None:
    first = splits_of(made("one"))
    made("one", label="malignancy")
    assert splits_of(made("one")) == first


def test_a_split_that_a_label_empties_is_refused(ham: Path, tmp_path: Path) -> None:
    read = ReadOptions(label="malignancy")
    tables_of = (ham / "HAM10000_metadata.csv").read_text().splitlines()
    rows = [line.replace("mel", "akiec").replace("bcc", "akiec").replace("nv", "akiec")
            for line in tables_of[3:]]  # fmt: skip
    table = tmp_path / "table.csv"
    table.write_text("\n".join([tables_of[0], *rows[:-2], *tables_of[-2:]]) + "\n")
    request = PrepareRequest(
        "ham10000", raw=ham, name="few", read=ReadOptions(label=read.label, csv=table), size=32,
        workers=1, near_duplicates=False,
    )  # fmt: skip
    with pytest.raises(DataError, match="no image with a class is left in the"):
        prepare(Workspace(tmp_path), request)
