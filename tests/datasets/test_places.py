"""A manifest is held against its store before anything long begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dermctl.datasets.places import check_places
from dermctl.datasets.store import Store, StoreWriter, shard_name
from dermctl.errors import DataError

IDS = [f"id-{number}" for number in range(10)]


@pytest.fixture
def places(tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Shards 0, 1 and 2 with four, four and two images."""
    with StoreWriter(tmp_path / "store", shard_images=4) as writer:
        found = [writer.add(name, b"x" * 50) for name in IDS]
    shards, rows = np.array(found).T
    return shards.copy(), rows.copy()


def fault(folder: Path, shards: np.ndarray, rows: np.ndarray) -> DataError:
    with pytest.raises(DataError) as caught:
        check_places(Store(folder / "store"), shards, rows, IDS, folder / "train.parquet")
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_whole_store_passes_in_any_order(places, tmp_path):
    order = np.random.default_rng(0).permutation(len(IDS))
    names = [IDS[place] for place in order]
    shards, rows = (column[order] for column in places)
    check_places(Store(tmp_path / "store"), shards, rows, names, tmp_path / "train.parquet")


def test_an_empty_manifest_passes(tmp_path):
    none = np.empty(0, np.int64)
    check_places(Store(tmp_path), none, none, [], tmp_path / "train.parquet")


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>" * 100])
def test_a_lost_shard_is_named_with_its_images(places, tmp_path, content):
    shard = tmp_path / "store" / shard_name(1)
    shard.unlink() if content is None else shard.write_bytes(content)
    error = fault(tmp_path, *places)
    assert error.where == str(shard)
    assert "it holds 4 images: id-4, id-5, id-6 and 1 more" in error.what


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
