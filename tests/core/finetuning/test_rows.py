"""Fractions and folds of the labelled rows: groups whole, classes in their shares."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.core.finetuning.rows import Fold, divide, take_fraction
from dermctl.datasets.prepared import Split
from dermctl.errors import DataError


def split(name: str, groups: list[str], labels: list[str]) -> Split:
    ids = [f"{name}{number}" for number in range(len(groups))]
    table = pa.table({"image_id": ids, "group_id": groups, "label": labels})
    return Split(Path("data"), name, table, {}, "")


def cohort(name: str, patients: int, seed: int) -> Split:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, patients)
    groups = [f"{name}{patient}" for patient, size in enumerate(sizes) for _ in range(size)]
    labels = {
        group: rng.choice(["nevus", "melanoma", "bcc"], p=[0.7, 0.2, 0.1]) for group in groups
    }
    return split(name, groups, [str(labels[group]) for group in groups])


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_a_fraction_holds_whole_groups_and_each_class(fraction: float) -> None:
    train = cohort("train", 400, 0)
    part = take_fraction(train, fraction, seed=0)
    assert len(part) == pytest.approx(fraction * len(train), rel=0.05)
    inside = set(part.column("group_id"))
    assert Counter(part.column("group_id")) == Counter(
        group for group in train.column("group_id") if group in inside
    )
    whole, taken = Counter(train.column("label")), Counter(part.column("label"))
    for label, count in whole.items():
        assert taken[label] == pytest.approx(fraction * count, rel=0.2, abs=3)
    assert take_fraction(train, fraction, seed=0).column("image_id") == part.column("image_id")
    assert take_fraction(train, fraction, seed=1).column("image_id") != part.column("image_id")


def test_all_is_all_and_a_rare_class_stays() -> None:
    train = cohort("train", 100, 1)
    assert take_fraction(train, 1.0, seed=0) is train
    rare = split("train", [f"g{i}" for i in range(41)], ["nevus"] * 40 + ["mcc"])
    assert "mcc" in take_fraction(rare, 0.1, seed=0).column("label")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_folds_share_out_train_and_validation(seed: int, folds: int) -> None:
    train, val = cohort("train", 60, seed % 1000), cohort("val", 20, seed % 1000 + 1)
    held_ids: list[str] = []
    for number in range(folds):
        rest, held = divide(train, val, Fold(number, folds, seed))
        assert not set(rest.column("group_id")) & set(held.column("group_id"))
        assert len(rest) + len(held) == len(train) + len(val)
        assert (rest.name, held.name) == ("train", "val")
        held_ids += held.column("image_id")
    assert sorted(held_ids) == sorted(train.column("image_id") + val.column("image_id"))


def test_more_folds_than_groups() -> None:
    few = split("train", ["a", "b"], ["x", "y"])
    with pytest.raises(DataError, match="cannot fill 9 folds"):
        divide(few, split("val", ["c"], ["x"]), Fold(0, 9, 0))
