"""Packed pictures are described as they lie in the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from dermctl.datasets.near_duplicates import Descriptions, describe, find_near_duplicates
from dermctl.datasets.near_duplicates.stored import describe_stored
from dermctl.datasets.packing import pack
from dermctl.datasets.store import StoreWriter
from tests.datasets.near_duplicates.pictures import draw


@pytest.mark.parametrize("workers", [1, 2])
def test_a_packed_picture_is_near_its_original(tmp_path: Path, workers: int) -> None:
    pictures = [draw(seed) for seed in range(3)]
    with StoreWriter(tmp_path, shard_images=2) as writer:
        places = [writer.add(f"i{n}", pack(picture)) for n, picture in enumerate(pictures)]
    stored = describe_stored(tmp_path, places, workers)
    both = Descriptions.concatenate([Descriptions.gather(map(describe, pictures)), stored])
    assert [(pair.i, pair.j) for pair in find_near_duplicates(both)] == [(0, 3), (1, 4), (2, 5)]
