"""The table of near-duplicate pairs that lies beside a dataset's manifests."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermctl.datasets.near_duplicates import COPY, Pair
from dermctl.datasets.near_duplicates.table import (
    NEAR_DUPLICATES_FILE,
    PUBLISHED,
    Link,
    NearDuplicates,
    read_near_duplicates,
    write_near_duplicates,
)
from dermctl.errors import DataError

PAIR = Pair(i=0, j=2, score=31, kind=COPY, mirrored=True, turn=-90.0, scale=0.5)
IDS = ["a", "b", "c"]


@pytest.mark.parametrize("searched", [True, False])
def test_what_is_written_is_read(tmp_path: Path, searched: bool) -> None:
    links = (Link.found(PAIR, IDS), Link("b", "a", PUBLISHED))
    write_near_duplicates(tmp_path, NearDuplicates(links, searched))
    assert read_near_duplicates(tmp_path) == NearDuplicates(links, searched)
    assert pq.read_table(tmp_path / NEAR_DUPLICATES_FILE).to_pylist()[0] == {
        "image_id": "a",
        "other_id": "c",
        "kind": "copy",
        "score": 31,
        "mirrored": True,
        "turn": -90.0,
        "scale": 0.5,
    }


def test_no_pairs_are_a_table_too(tmp_path: Path) -> None:
    write_near_duplicates(tmp_path, NearDuplicates())
    assert read_near_duplicates(tmp_path) == NearDuplicates()


def test_a_dataset_without_the_table_is_to_be_prepared_again(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no table of near-duplicates") as caught:
        read_near_duplicates(tmp_path)
    assert "prepare" in str(caught.value.hint)


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / NEAR_DUPLICATES_FILE)
    with pytest.raises(DataError, match="cannot be read"):
        read_near_duplicates(tmp_path)
