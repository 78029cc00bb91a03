"""A manifest is held against its store before anything long begins."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermctl.datasets.places import check_places
from dermctl.datasets.store import Store, StoreWriter, shard_name
from dermctl.errors import DataError

IDS = [f"id-{number}" for number in range(10)]


def write_manifest(folder: Path, shards: np.ndarray, rows: np.ndarray) -> None:
    """As much of a train manifest as tells what lies where."""
    about = {b"dermctl": json.dumps({"manifest_version": 1})}
    table = pa.table({"image_id": IDS, "shard": shards, "row": rows})
    pq.write_table(table.replace_schema_metadata(about), folder / "train.parquet")


@pytest.fixture
def places(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Shards 0, 1 and 2 with four, four and two images, and their manifest."""
    with StoreWriter(tmp_path / "store", shard_images=4) as writer:
        found = [writer.add(name, b"x" * 50) for name in IDS]
    shards, rows = np.array(found).T.copy()
    write_manifest(tmp_path, shards, rows)
    return shards, rows


def fault(folder: Path, shards: np.ndarray, rows: np.ndarray) -> DataError:
    with pytest.raises(DataError) as caught:
        check_places(Store(folder / "store"), shards, rows, pa.array(IDS), folder / "train.parquet")
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_whole_store_passes_in_any_order(places, tmp_path):
    order = np.random.default_rng(0).permutation(len(IDS))
    names = pa.array([IDS[place] for place in order])
    shards, rows = (column[order] for column in places)
    check_places(Store(tmp_path / "store"), shards, rows, names, tmp_path / "train.parquet")


def test_an_empty_manifest_passes(tmp_path):
    none = np.empty(0, np.int64)
    check_places(Store(tmp_path), none, none, pa.array([], pa.string()), tmp_path / "train.parquet")


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>" * 100])
def test_a_lost_shard_is_named_with_its_images(places, tmp_path, content):
    shard = tmp_path / "store" / shard_name(1)
    shard.unlink() if content is None else shard.write_bytes(content)
    error = fault(tmp_path, *places)
    assert error.where == str(shard)
    assert "look there for 4 images: id-4, id-5, id-6 and 1 more" in error.what


def test_a_truncated_shard_is_named_with_its_images(places, tmp_path):
    shard = tmp_path / "store" / shard_name(2)
    shard.write_bytes(shard.read_bytes()[:-40])
    error = fault(tmp_path, *places)
    assert error.where == str(shard)
    assert "damaged" in error.what
    assert "2 images: id-8, id-9" in error.what


@pytest.mark.parametrize("row", [-1, 4, 10**6])
def test_a_row_outside_is_named(places, tmp_path, row):
    shards, rows = places
    rows[5] = row
    error = fault(tmp_path, shards, rows)
    assert f"row {row} of shard-00001.arrow, which holds 4 images (1 image: id-5)" in error.what
    assert error.where == str(tmp_path / "train.parquet")


def test_a_negative_shard_is_no_file(places, tmp_path):
    shards, rows = places
    shards[0] = -1
    assert "at shard -1 (1 image: id-0)" in fault(tmp_path, shards, rows).what


def test_the_shard_of_another_dataset_is_foreign(places, tmp_path):
    with StoreWriter(tmp_path / "other", shard_images=4) as writer:
        for number in range(4):
            writer.add("id-4" if number == 0 else f"other-{number}", b"y" * 50)
    shard = tmp_path / "store" / shard_name(1)
    shard.write_bytes((tmp_path / "other" / shard_name(0)).read_bytes())
    error = fault(tmp_path, *places)
    assert error.where == str(shard)
    assert "'other-1' where 'id-5' should lie" in error.what
    assert "look there for 4 images: id-4, id-5, id-6 and 1 more" in error.what


def test_two_rows_that_change_places_are_found(places, tmp_path):
    shards, rows = places
    rows[[0, 1]] = rows[[1, 0]]
    assert "'id-1' where 'id-0' should lie" in fault(tmp_path, shards, rows).what


def test_images_are_counted_over_all_splits(places, tmp_path):
    """Whoever lost a shard learns of all that it held, not of one split's part of it."""
    (tmp_path / "store" / shard_name(0)).unlink()
    shutil.copyfile(tmp_path / "train.parquet", tmp_path / "test.parquet")
    assert "look there for 8 images: id-0, id-1, id-2 and 5 more" in fault(tmp_path, *places).what
