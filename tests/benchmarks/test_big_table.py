"""The benchmark of a large table runs, small: what it measures is there to be measured."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.places import check_split
from dermctl.datasets.prepared import load_split
from tests.benchmarks.big_table import (
    BATCH,
    SHARD_IMAGES,
    expected_shards,
    own_memory,
    pretrain,
    report,
    spread,
    write_dataset,
)


def test_a_table_of_several_shards_is_drawn_from_at_random(tmp_path):
    rows = 2 * SHARD_IMAGES + 100
    folder = write_dataset(tmp_path, rows)
    for name in SPLITS:
        check_split(load_split(folder, name))
    found = spread(folder, 20)
    assert (found["rows"], found["shards"]) == (rows, 3)
    assert found["shards_a_batch"] >= 2
    assert found["shards_a_batch"] == pytest.approx(found["expected_shards"], abs=0.5)


def test_pretraining_is_measured_for_as_many_steps_as_asked(tmp_path):
    write_dataset(tmp_path, 5 * BATCH)
    found = pretrain(tmp_path, 3)
    assert found.keys() == {"startup_s", "before_mib", "started_mib", "halfway_mib", "after_mib"}
    assert own_memory() > 0
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "checkpoints" / "last.ckpt").is_file()
    lines = (run / "metrics.csv").read_text().splitlines()
    assert len(lines) == 1 + 3


def test_bytes_a_row_are_those_above_the_smallest_table(capsys):
    def rounds(rows: int, kept: list[float]) -> list[dict[str, float]]:
        same = {"rows": rows, "startup_s": 0.5, "before_mib": 10.0, "shards": 2.0,
                "shards_a_batch": 2.0, "expected_shards": 2.0}  # fmt: skip
        peak = {"halfway_mib": 90.0, "after_mib": 91.0}
        return [same | peak | {"started_mib": 10 + each} for each in kept]

    small = rounds(1_000, [3.0, 5.0, 4.0])
    assert "bytes_a_row_1000" not in report(small, small)
    large = report(rounds(1_000 + 2**20, [34.0, 44.0, 39.0]), small)
    figure = large[f"bytes_a_row_{1_000 + 2**20}"]
    assert (figure["min"], figure["ours"], figure["max"]) == (30.0, 35.0, 40.0)
    assert large[f"growth_{1_000 + 2**20}"]["ours"] == 1.0
    assert large[f"startup_{1_000 + 2**20}"]["ratio"] == 4.0
    assert "35 (30 to 40) bytes a row" in capsys.readouterr().out


def test_the_expected_number_of_shards_is_that_of_drawing():
    shard = np.repeat(np.arange(300), 10)
    generator = np.random.default_rng(0)
    drawn = [
        len(Counter(generator.choice(shard, BATCH, replace=False).tolist())) for _ in range(300)
    ]
    assert expected_shards(shard) == pytest.approx(np.mean(drawn), abs=1.5)
