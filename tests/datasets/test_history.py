"""Growing datasets: kept images keep their split, the rest is listed with its reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.datasets.groups import group_images
from dermctl.datasets.history import (
    WITHDRAWN,
    Withdrawal,
    fixed_groups,
    official_history,
    reconcile,
)
from dermctl.datasets.splits import assign_splits
from dermctl.errors import DataError

FILLER = [(f"f{number}", f"fp{number}", None, "a") for number in range(12)]
"""Images of twelve unrelated patients: enough for three splits."""


def columns(rows):
    """Rows of (image, patient, lesion, label) as the link columns of ``reconcile``."""
    return {
        "patient_ids": [row[1] for row in rows],
        "lesion_ids": [row[2] for row in rows],
        "sha256s": [f"sha-{row[0]}" for row in rows],
    }


def prepare(rows, history, pairs=()):
    """What ``data prepare`` does with the splits: reconcile, group, assign, remember."""
    ids = [row[0] for row in rows]
    withdrawals = reconcile(ids, history, **columns(rows), near_duplicate_pairs=pairs)
    gone = {withdrawal.image_id for withdrawal in withdrawals}
    kept = [row for row in rows if row[0] not in gone]
    place = {row[0]: number for number, row in enumerate(kept)}
    near = [(place[ids[a]], place[ids[b]]) for a, b in pairs if not {ids[a], ids[b]} & gone]
    names = [row[0] for row in kept]
    groups = group_images(*columns(kept).values(), near, names, "set")
    fixed = fixed_groups(groups, names, history)
    found = assign_splits(groups, [row[3] for row in kept], fixed=fixed)
    splits = dict(zip(names, found.splits, strict=True))
    remembered = splits | {w.image_id: WITHDRAWN for w in withdrawals if w.reason == "leak"}
    return splits, withdrawals, remembered, dict(zip(names, groups, strict=True))


batches = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([None, "", "p1", "p2", "p3", "fp0", "fp5"]),
            st.sampled_from([None, "l1", "l2", "l3", "l4"]),
            st.sampled_from("ab"),
        ),
        max_size=8,
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(batches, st.randoms(use_true_random=False))
def test_no_image_changes_split_as_rows_are_added_in_any_order(added, random):
    rows = list(FILLER)
    history: dict[str, str] = {}
    for number, batch in enumerate(added):
        rows += [(f"b{number}-{place}", *row) for place, row in enumerate(batch)]
        random.shuffle(rows)
        splits, withdrawals, remembered, groups = prepare(rows, history)
        listed = {withdrawal.image_id for withdrawal in withdrawals}
        assert listed | set(splits) == {row[0] for row in rows}
        assert not listed & set(splits)
        for image_id, split in history.items():
            assert image_id in listed or splits[image_id] == split
        split_of_group = {}
        for image_id, split in splits.items():
            assert split_of_group.setdefault(groups[image_id], split) == split
        # Links never change here, so only new images can ever be in the way.
        assert {withdrawal.reason for withdrawal in withdrawals} <= {"bridges_splits"}
        again = prepare(random.sample(rows, len(rows)), history)
        assert again[0] == splits
        assert sorted(again[1]) == withdrawals
        history = remembered


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6),
    st.lists(st.sampled_from(["train", "val", "test", None]), min_size=10, max_size=10),
)
def test_after_reconcile_no_group_lies_in_two_splits_and_no_test_image_is_lost(pairs, known):
    ids = [f"i{number}" for number in range(10)]
    history = {i: split for i, split in zip(ids, known, strict=True) if split}
    rows = [(i, None, None, "a") for i in ids]
    withdrawals = reconcile(ids, history, **columns(rows), near_duplicate_pairs=pairs)
    gone = {withdrawal.image_id for withdrawal in withdrawals}
    assert all(history.get(image_id) != "test" for image_id in gone)
    kept = [number for number in range(10) if ids[number] not in gone]
    place = {old: new for new, old in enumerate(kept)}
    near = [(place[a], place[b]) for a, b in pairs if a in place and b in place]
    names = [ids[number] for number in kept]
    groups = group_images([None] * len(kept), [None] * len(kept), names, near, names, "set")
    fixed_groups(groups, names, history)  # raises where a group lies in two splits


def test_a_link_that_comes_to_light_withdraws_the_weaker_side():
    rows = [("a", "p", None, "x"), ("b", "p", None, "x"), ("c", "p", None, "x")]
    history = {"a": "train", "b": "val", "c": "test"}
    assert reconcile(["a", "b", "c"], history, **columns(rows)) == [
        Withdrawal("a", "leak", "linked to c in test", "train"),
        Withdrawal("b", "leak", "linked to c in test", "val"),
    ]


def test_a_new_image_between_splits_is_left_out_and_the_old_ones_stay():
    rows = [("a", "p", None, "x"), ("b", "q", None, "x"), ("n", "p", None, "x")]
    found = reconcile(
        ["a", "b", "n"],
        {"a": "train", "b": "test"},
        **columns(rows),
        near_duplicate_pairs=[(1, 2)],
    )
    assert found == [Withdrawal("n", "bridges_splits", "ties together test and train")]


def test_of_a_chain_of_new_images_only_the_one_that_closes_it_is_left_out():
    rows = [
        ("a", "p", None, "x"),
        ("b", "q", None, "x"),
        ("m", "p", "l", "x"),
        ("n", "q", "l", "x"),
    ]
    found = reconcile(["a", "b", "m", "n"], {"a": "train", "b": "test"}, **columns(rows))
    assert [withdrawal.image_id for withdrawal in found] == ["n"]


def test_a_withdrawn_image_never_comes_back_in_another_split():
    rows = [*FILLER, ("a", None, None, "a"), ("b", None, None, "a")]
    pair = [(len(rows) - 2, len(rows) - 1)]
    history = {"a": "train", "b": "test"}
    _, first, remembered, _ = prepare(rows, history, pair)
    splits, second, _, _ = prepare(rows, remembered, pair)
    assert [w.image_id for w in first] == [w.image_id for w in second] == ["a"]
    assert "a" not in splits
    assert splits["b"] == "test"


def test_an_official_split_is_a_history_and_its_leaks_are_withdrawn():
    ids = ["a", "b", "c", "d"]
    history = official_history(ids, ["train", "test", None, ""])
    assert history == {"a": "train", "b": "test"}
    rows = [("a", "p", None, "x"), ("b", "p", None, "x"), ("c", None, None, "x"), ("d",) * 4]
    assert [w.image_id for w in reconcile(ids, history, **columns(rows))] == ["a"]
    with pytest.raises(DataError, match="'valid'"):
        official_history(["a"], ["valid"])


def test_groups_in_two_splits_are_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="lies in train and in test"):
        fixed_groups(["g", "g"], ["a", "b"], {"a": "train", "b": "test"})
