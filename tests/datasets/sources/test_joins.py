from __future__ import annotations

import pytest

from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.joins import join, one_hot, stack, with_column

from .layout import write


@pytest.fixture
def table(tmp_path):
    def make(name: str, *lines: str) -> CsvTable:
        return read_csv(write(tmp_path / name, *lines))

    return make


def test_join_keeps_the_left_rows_and_tells_of_ids_without_a_match(table):
    left = table("left.csv", "id,x", "a,1", "b,2", "a,3", "c,4")
    right = table("right.csv", "key,x,y", "a,9,yes", "d,9,no", "b,9,maybe")
    joined = join(left, right, "id", "key")
    assert joined.columns == ["id", "x", "y"]
    assert joined.column("x") == ["1", "2", "3", "4"]
    assert joined.column("y") == ["yes", "maybe", "yes", ""]
    assert [(fault.code, fault.file, fault.line) for fault in joined.faults] == [
        ("unmatched_row", "left.csv", 5),
        ("unmatched_row", "right.csv", 3),
    ]


def test_stack_fills_what_a_part_lacks(table):
    train = table("train.csv", "id,x", "a,1", "b,2")
    test = table("test.csv", "id,weight", "c,0.5")
    stacked, parts = stack({"train": train, "test": test})
    assert stacked.columns == ["id", "x", "weight"]
    assert stacked.column("x") == ["1", "2", ""]
    assert stacked.column("weight") == ["", "", "0.5"]
    assert stacked.lines == [2, 3, 2]
    assert parts == ["train", "train", "test"]


def test_one_hot_wants_just_one(table):
    csv = table("truth.csv", "id,MEL,NV", "a,1.0,0.0", "b,0,1", "c,1,1", "d,0,0")
    labels, faults = one_hot(csv, ("MEL", "NV", "UNK"))
    assert labels == ["MEL", "NV", "", ""]
    assert [(fault.code, fault.line) for fault in faults] == [("bad_label", 4), ("bad_label", 5)]
    assert "MEL, NV" in faults[0].detail
    assert "none" in faults[1].detail


def test_with_column_adds_or_replaces(table):
    csv = table("t.csv", "id,x", "a,1")
    assert with_column(csv, "y", ["2"]).columns == ["id", "x", "y"]
    assert with_column(csv, "x", ["2"]).column("x") == ["2"]
