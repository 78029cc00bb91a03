"""From rows and what was seen of them to manifests, rejections and counts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermctl.datasets.assembly import (
    assemble_manifest,
    class_counts,
    group_counts,
    rejected_counts,
    table_fault_counts,
    untestable_classes,
    write_rejected,
    write_splits,
)
from dermctl.datasets.manifest import MANIFEST_VERSION, manifest_schema, read_manifest
from dermctl.datasets.packer import Seen
from dermctl.datasets.screening import Findings
from dermctl.datasets.sources.base import COMMON_SCHEMA, RowFault, SourceTable


@pytest.fixture
def source() -> SourceTable:
    """Four rows, a malformed line, and an odd cell."""
    rows = [
        {
            "image_id": f"id-{number}",
            "path": f"images/id-{number}.jpg",
            "line": number + 2,
            "label": label,
            "label_raw": f" {label}",
            "finest_label": f"{label} finest",
            "fitzpatrick": number + 1,
            "age": 30.5,
            "src_diag": f" {label}",
        }
        for number, label in enumerate(["nevus", "melanoma", "nevus", "nevus"])
    ]
    schema = pa.schema([*COMMON_SCHEMA, pa.field("src_diag", pa.string())])
    faults = [
        RowFault("malformed_row", "the row has 2 of 9 cells", "metadata.csv", 7),
        RowFault("bad_value", "column 'age': 1 cell is not understood", "metadata.csv", 3),
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    return SourceTable(table, "diag", faults, unlisted=["a.jpg", "b.jpg"])


def seen(row: int) -> Seen:
    return Seen(sha256=f"{row:064x}", phash=2**64 - 1 - row, width=6, height=4, shard=0, row=row)


def test_the_manifest_joins_the_row_with_what_was_seen(source: SourceTable) -> None:
    made = assemble_manifest(
        "clinic", source.table, [3, 0], {0: seen(0), 3: seen(3)}, ["clinic:b", "clinic:a"]
    )
    assert made.schema == manifest_schema(["src_diag"])
    first = made.to_pylist()[0]
    assert first["image_id"] == "id-3"
    assert first["dataset"] == "clinic"
    assert (first["label"], first["label_raw"]) == ("nevus", " nevus")
    assert first["label_finest"] == "nevus finest"
    assert first["group_id"] == "clinic:b"
    assert (first["sha256"], first["phash"]) == (f"{3:064x}", 2**64 - 4)
    assert (first["fitzpatrick"], first["age"], first["src_diag"]) == (4, 30.5, " nevus")
    assert first["patient_id"] is None


def test_each_split_gets_its_rows(source: SourceTable, tmp_path: Path) -> None:
    kept = [0, 1, 2, 3]
    manifest = assemble_manifest(
        "clinic", source.table, kept, {row: seen(row) for row in kept}, ["g"] * 4
    )
    about = {"manifest_version": MANIFEST_VERSION, "name": "clinic"}
    write_splits(tmp_path, manifest, ["train", "test", "train", "train"], about)
    ids = {
        split: read_manifest(tmp_path, split).column("image_id").to_pylist()
        for split in ("train", "val", "test")
    }
    assert ids == {"train": ["id-0", "id-2", "id-3"], "val": [], "test": ["id-1"]}


def test_rejected_lists_rows_and_malformed_lines(source: SourceTable, tmp_path: Path) -> None:
    findings = Findings(rejected={2: ("truncated", "ends early"), 0: ("not_rgb", "grey")})
    write_rejected(tmp_path / "rejected.parquet", "clinic", source, findings)
    rows = pq.read_table(tmp_path / "rejected.parquet").to_pylist()
    common = {"dataset": "clinic"}
    assert rows == [
        {
            **common,
            "image_id": "id-0",
            "reason": "not_rgb",
            "detail": "grey",
            "path": "images/id-0.jpg",
            "label_raw": " nevus",
            "fitzpatrick": 1,
            "source_row": 2,
        },
        {
            **common,
            "image_id": "id-2",
            "reason": "truncated",
            "detail": "ends early",
            "path": "images/id-2.jpg",
            "label_raw": " nevus",
            "fitzpatrick": 3,
            "source_row": 4,
        },
        {
            **common,
            "image_id": None,
            "reason": "malformed_row",
            "detail": "the row has 2 of 9 cells",
            "path": "metadata.csv",
            "label_raw": None,
            "fitzpatrick": None,
            "source_row": 7,
        },
    ]
    assert rejected_counts(source, findings) == {"not_rgb": 1, "truncated": 1, "malformed_row": 1}


def test_nothing_rejected_is_an_empty_table(source: SourceTable, tmp_path: Path) -> None:
    whole = SourceTable(source.table, "diag")
    write_rejected(tmp_path / "rejected.parquet", "clinic", whole, Findings())
    assert pq.read_table(tmp_path / "rejected.parquet").num_rows == 0
    assert rejected_counts(whole, Findings()) == {}


def test_counts(source: SourceTable) -> None:
    assert table_fault_counts(source) == {"unlisted_file": 2, "bad_value": 1}
    splits = ["train", "train", "val", "train"]
    assert class_counts(["b", "a", None, "a"], splits) == {
        "train": {"a": 2, "b": 1},
        "val": {"(none)": 1},
        "test": {},
    }
    assert group_counts(["g", "g", "h", "i"], splits) == {"train": 2, "val": 1, "test": 0}


def test_untestable_is_said_of_the_classes_to_be_learned() -> None:
    labels = ["a", "a", "a", "b", "b", None, "c", "c", "c"]
    groups = ["1", "2", "3", "4", "4", "5", "6", "7", "8"]
    splits = ["train", "val", "test", "train", "train", "test", "train", "train", "val"]
    assert untestable_classes(labels, groups, splits) == {"b": 1, "c": 3}
    assert untestable_classes(labels[:2], groups[:2], ["train", "train"]) == {}
