"""The benchmark of a large table runs, small: what it measures is there to be measured."""

from __future__ import annotations

import pytest

from tests.benchmarks.big_table import BATCH, SHARD_IMAGES, expected_shards, read, write_dataset


def test_a_table_of_several_shards_is_read_at_random(tmp_path):
    rows = 2 * SHARD_IMAGES + 100
    found = read(write_dataset(tmp_path / "big", rows), batches=5)
    assert found["rows"] == rows
    assert found["shards_a_batch"] >= 2
    assert found["shards_a_batch"] == pytest.approx(found["expected_shards"], abs=0.5)


def test_the_expected_number_of_shards_is_that_of_drawing():
    import numpy as np

    shard = np.repeat(np.arange(300), 10)
    generator = np.random.default_rng(0)
    drawn = [len(np.unique(generator.choice(shard, BATCH, replace=False))) for _ in range(300)]
    assert expected_shards(shard) == pytest.approx(np.mean(drawn), abs=1.5)
