"""The manifest: one schema for all commands, with its description, and refused when it is not."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermctl.datasets.manifest import (
    COLUMNS,
    MANIFEST_VERSION,
    manifest_description,
    manifest_schema,
    read_manifest,
    write_manifest,
)
from dermctl.datasets.prepared import load_split
from dermctl.errors import DataError
from tests.conftest import ROOT

ABOUT: dict[str, Any] = {
    "manifest_version": MANIFEST_VERSION,
    "name": "klinik-süd",
    "classes": ["melanoma", "nævus"],
    "split": {"val": 0.1, "seed": 0},
}


def rows(count: int = 3, **given: Any) -> pa.Table:
    """A manifest of `count` rows, all columns filled, the source's own behind."""
    values: dict[str, Any] = {
        "image_id": [f"id-{n}" for n in range(count)],
        "dataset": ["klinik"] * count,
        "label": ["melanoma", None, "nævus"][:count],
        "group_id": ["g"] * count,
        "fitzpatrick": [1, None, 6][:count],
        "age": [40.5, None, 80.0][:count],
        "sha256": ["ab" * 32] * count,
        "phash": [0, 2**64 - 1, 7][:count],
        "width": [600] * count,
        "height": [450] * count,
        "shard": [0] * count,
        "row": list(range(count)),
        "src_Alter (Jahre)": ["40,5", "", None][:count],
        **given,
    }
    schema = manifest_schema(["src_Alter (Jahre)"])
    return pa.table(
        [pa.array(values.get(f.name, [None] * count), f.type) for f in schema], schema=schema
    )


def test_round_trip_of_every_column_and_the_description(tmp_path: Path) -> None:
    write_manifest(tmp_path / "train.parquet", rows(), ABOUT)
    back = read_manifest(tmp_path, "train")
    assert back.to_pylist() == rows().to_pylist()
    assert back.schema.remove_metadata() == manifest_schema(["src_Alter (Jahre)"])
    assert manifest_description(back) == ABOUT


def test_columns_are_brought_into_order_and_strangers_left_out(tmp_path: Path) -> None:
    table = rows().append_column("mine", pa.array([1, 2, 3]))
    table = table.select(table.column_names[::-1])
    write_manifest(tmp_path / "train.parquet", table, ABOUT)
    names = read_manifest(tmp_path, "train").column_names
    assert names == [*(name for name, *_ in COLUMNS), "src_Alter (Jahre)"]


def test_a_table_without_a_column_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="phash"):
        write_manifest(tmp_path / "train.parquet", rows().drop_columns(["phash"]), ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_a_null_where_none_may_be_is_a_bug(tmp_path: Path) -> None:
    table = rows()
    place = table.schema.get_field_index("group_id")
    holed = table.set_column(place, "group_id", pa.array(["g", None, "g"]))
    with pytest.raises(ValueError, match="group_id"):
        write_manifest(tmp_path / "train.parquet", holed, ABOUT)


def test_pandas_and_plain_pyarrow_read_it(tmp_path: Path) -> None:
    write_manifest(tmp_path / "train.parquet", rows(), ABOUT)
    plain = pq.read_table(tmp_path / "train.parquet")
    assert json.loads(plain.schema.metadata[b"dermctl"]) == ABOUT
    assert plain.column("phash").to_pylist() == [0, 2**64 - 1, 7]


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_manifest(tmp_path / name / "train.parquet", rows(), ABOUT)
    assert (tmp_path / "a/train.parquet").read_bytes() == (
        tmp_path / "b/train.parquet"
    ).read_bytes()


def test_some_columns_only(tmp_path: Path) -> None:
    write_manifest(tmp_path / "val.parquet", rows(), ABOUT)
    assert read_manifest(tmp_path, "val", ["label"]).column_names == ["label"]


def test_a_column_that_is_not_there_is_named_among_some_only(tmp_path: Path) -> None:
    metadata = {b"dermctl": json.dumps(ABOUT)}
    table = rows().drop_columns(["label"]).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "val.parquet")
    assert read_manifest(tmp_path, "val", ["image_id"]).num_rows == 3
    with pytest.raises(DataError, match="the manifest lacks label"):
        read_manifest(tmp_path, "val", ["image_id", "label"])


def test_what_rows_share_is_read_in_a_quarter_of_the_memory(tmp_path: Path) -> None:
    write_manifest(tmp_path / "val.parquet", rows(), ABOUT)
    some = read_manifest(tmp_path, "val", ["label", "image_id"])
    assert pa.types.is_dictionary(some.schema.field("label").type)
    assert some.column("label").to_pylist() == rows().column("label").to_pylist()
    assert some.column("image_id").type == pa.string()


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_manifest(folder, "train")
    assert caught.value.where == str(folder / "train.parquet")
    return str(caught.value)


def test_a_missing_manifest(tmp_path: Path) -> None:
    message = refused(tmp_path)
    assert "no train manifest" in message
    assert f"dermctl data prepare … --name {tmp_path.name}" in message


def test_a_manifest_that_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    write_manifest(path, rows(), ABOUT)
    path.write_bytes(path.read_bytes()[:-20])
    assert "cannot be read as a dermctl manifest" in refused(tmp_path)


@pytest.mark.parametrize(
    "metadata",
    [None, {b"dermctl": b"{"}, {b"dermctl": b"[]"}, {b"dermctl": b"{}"}],
    ids=["none", "no JSON", "a list", "empty"],
)
def test_a_foreign_parquet_file(tmp_path: Path, metadata: dict[bytes, bytes] | None) -> None:
    table = rows().replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "train.parquet")
    assert "cannot be read as a dermctl manifest" in refused(tmp_path)


def test_a_manifest_that_lost_a_column(tmp_path: Path) -> None:
    metadata = {b"dermctl": json.dumps(ABOUT)}
    table = rows().drop_columns(["group_id", "shard"]).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "train.parquet")
    assert "group_id, shard" in refused(tmp_path)


def test_a_manifest_that_lost_a_value(tmp_path: Path) -> None:
    table = rows()
    place = table.schema.get_field_index("shard")
    holed = table.set_column(place, "shard", pa.array([0, None, None], pa.int32()))
    metadata = {b"dermctl": json.dumps(ABOUT)}
    pq.write_table(holed.replace_schema_metadata(metadata), tmp_path / "train.parquet")
    assert "has no shard for 2 of 3 images, first in row 2" in refused(tmp_path)


def test_a_manifest_of_a_newer_version(tmp_path: Path) -> None:
    newer = {**ABOUT, "manifest_version": MANIFEST_VERSION + 1}
    write_manifest(tmp_path / "train.parquet", rows(), newer)
    assert "newer dermctl" in refused(tmp_path)


def test_the_readme_explains_every_column() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `([a-z0-9_]+)` \| (.+) \|$", readme, re.MULTILINE)
    explained = {name: meaning.replace("`", "") for name, meaning in table}
    assert {name: meaning for name, _, _, meaning in COLUMNS}.items() <= explained.items()


def test_a_split_knows_its_rows_description_and_hash(tmp_path: Path) -> None:
    write_manifest(tmp_path / "test.parquet", rows(), ABOUT)
    split = load_split(tmp_path, "test")
    assert (len(split), split.name, split.description) == (3, "test", ABOUT)
    assert split.column("label") == ["melanoma", None, "nævus"]
    data = (tmp_path / "test.parquet").read_bytes()
    assert split.sha256 == hashlib.sha256(data).hexdigest()
    part = split.where([True, False, True])
    assert part.column("image_id") == ["id-0", "id-2"]
    assert (part.sha256, part.description) == (split.sha256, ABOUT)
