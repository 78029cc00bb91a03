from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermctl.report.tallies import cross_table, group_sizes, spread

SPLITS = ("train", "val", "test")
rows = st.lists(
    st.tuples(st.sampled_from([None, "a", "b", "c"]), st.sampled_from(SPLITS)), max_size=60
)


@given(rows)
def test_every_image_is_in_one_cell(pairs):
    values, splits = [value for value, _ in pairs], [split for _, split in pairs]
    table = cross_table("letter", values, splits, SPLITS)
    for column, split in enumerate(SPLITS):
        assert table.totals[column] == sum(own == split for own in splits)
        assert sum(row.counts[column] for row in table.rows) == table.totals[column]
        for row in table.rows:
            value = None if row.unknown else row.name
            assert row.counts[column] == sum(pair == (value, split) for pair in pairs)
    assert [row.name for row in table.known] == sorted({value for value in values if value})


def test_the_unknown_stand_last_and_apart():
    table = cross_table(
        "type", [2, None, 1, None], ["train"] * 4, ["train"], name=lambda n: f"T{n}"
    )
    assert [(row.name, row.unknown) for row in table.rows] == [
        ("T1", False), ("T2", False), ("unknown", True),
    ]  # fmt: skip
    assert [row.name for row in table.known] == ["T1", "T2"]


def test_most_first():
    values = ["a", "b", "b", "c", "c"]
    table = cross_table("x", values, ["train"] * 5, ["train"], most_first=True)
    assert [row.name for row in table.rows] == ["b", "c", "a"]


@given(st.lists(st.none() | st.floats(0, 120), max_size=40))
def test_spread_agrees_with_numpy(values):
    known = [value for value in values if value is not None]
    found = spread(values)
    if not known:
        assert found is None
        return
    assert found.known == len(known)
    own = [found.low, found.lower_quartile, found.median, found.upper_quartile, found.high]
    assert own == pytest.approx(np.percentile(known, [0, 25, 50, 75, 100]), abs=1e-9)


@given(st.lists(st.integers(0, 12), max_size=80))
def test_group_sizes_add_up(groups):
    counts = Counter(groups)
    found = group_sizes([str(group) for group in groups])
    assert found.groups == len(counts)
    assert found.largest == max(counts.values(), default=0)
    assert sum(number for _, number, _ in found.sizes) == len(counts)
    assert sum(images for _, _, images in found.sizes) == len(groups)


def test_group_sizes_are_classed():
    groups = ["a"] + ["b"] * 2 + ["c"] * 4 + ["d"] * 5 + ["e"] * 60
    assert group_sizes(groups).sizes == (
        ("1", 1, 1), ("2", 1, 2), ("3–5", 2, 9), ("51 and more", 1, 60),
    )  # fmt: skip
