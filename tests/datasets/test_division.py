"""Dividing with a past and with published splits: no leak, no image that changes its split."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.datasets.division import (
    Recipe,
    Rows,
    divide,
    keeps_its_split,
    published_splits,
    to_withdraw,
)
from dermctl.datasets.history import WITHDRAWN
from dermctl.errors import DataError

FILLER = [(f"f{number}", f"fp{number}", None, None) for number in range(12)]
"""Images of twelve unrelated patients: enough for three splits."""

batches = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([None, "", "p1", "p2", "p3", "fp0", "fp5"]),
            st.sampled_from([None, "l1", "l2", "l3", "l4"]),
            st.sampled_from([None, None, "train", "val", "test"]),
        ),
        max_size=8,
    ),
    min_size=1,
    max_size=3,
)


def as_rows(found):
    """(image, patient, lesion, published split), a tuple an image, as columns."""
    ids, patients, lesions, official = (list(column) for column in zip(*found, strict=True))
    shas = [f"sha-{name}" for name in ids]
    labels, skins = ["nevus"] * len(ids), [None] * len(ids)
    return Rows(ids, patients, lesions, shas, labels, skins, official)


def prepare(rows, past, recipe, duplicates=()):
    """What is left and where, what is withdrawn, and the past of the next time."""
    gone = to_withdraw(rows, past, recipe.official, duplicates)
    kept = rows.without({withdrawal.image_id for withdrawal in gone})
    _, assignment = divide("set", kept, recipe, past, duplicates)
    splits = dict(zip(kept.image_ids, assignment.splits, strict=True))
    leaks = {withdrawal.image_id: WITHDRAWN for withdrawal in gone if withdrawal.reason == "leak"}
    return kept, splits, gone, splits | leaks


@settings(max_examples=80, deadline=None)
@given(batches, st.randoms(use_true_random=False))
def test_growth_with_published_splits(added, random):
    found, past, recipe = list(FILLER), {}, Recipe()
    for number, batch in enumerate(added):
        found += [(f"b{number}-{place}", *row) for place, row in enumerate(batch)]
        random.shuffle(found)
        rows = as_rows(found)
        official = {*recipe.official, *published_splits(rows.official)}
        recipe = Recipe(official=tuple(sorted(official)))
        try:
            kept, splits, gone, remembered = prepare(rows, past, recipe)
        except DataError as error:
            if "no group is left" not in error.what:  # withdrawals can empty a split
                raise
            return
        listed = {withdrawal.image_id for withdrawal in gone}
        assert listed | set(splits) == set(rows.image_ids)
        assert not listed & set(splits)
        for name, split in past.items():
            assert splits[name] == split if name in splits else name in listed
        for own in (kept.patient_ids, kept.lesion_ids):
            seen = {}
            for name, value in zip(kept.image_ids, own, strict=True):
                if value:
                    assert seen.setdefault(value, splits[name]) == splits[name]
        for name, split in zip(kept.image_ids, kept.official, strict=True):
            if name in past:
                continue
            if split in recipe.official:
                assert splits[name] == split
            elif split == "train" and set(recipe.official) == {"val", "test"}:
                assert splits[name] == "train" or linked_to_past(kept, name, past)
        past = remembered


names_of_near_duplicates = st.sampled_from(
    [
        *(f"f{number}" for number in range(12)),
        *(f"b{step}-{n}" for step in range(3) for n in (0, 1)),
    ]
)


@settings(max_examples=80, deadline=None)
@given(
    batches,
    st.lists(
        st.lists(st.tuples(names_of_near_duplicates, names_of_near_duplicates), max_size=4),
        min_size=3,
        max_size=3,
    ),
    st.sets(st.sampled_from([f"f{number}" for number in range(4)]), max_size=2),
    st.randoms(use_true_random=False),
)
def test_growth_with_near_duplicates_that_come_to_light_and_images_that_drop_out(
    added, found_later, absent, random
):
    found, past, pairs = list(FILLER), {}, []
    for number, batch in enumerate(added):
        found += [
            (f"b{number}-{n}", patient, lesion, None)
            for n, (patient, lesion, _) in enumerate(batch)
        ]
        pairs += found_later[number]
        random.shuffle(found)
        there = [row for row in found if number != 1 or row[0] not in absent]
        rows = as_rows(there)
        try:
            kept, splits, gone, remembered = prepare(rows, past, Recipe(), pairs)
        except DataError as error:
            if "no group is left" not in error.what:  # withdrawals can empty a split
                raise
            return
        listed = {withdrawal.image_id for withdrawal in gone}
        assert listed | set(splits) == set(rows.image_ids)
        assert not listed & set(splits)
        for name, split in past.items():
            if name in splits:
                assert splits[name] == split
            elif name in rows.image_ids:
                assert name in listed
                assert split != "test"
        for one, other in pairs:
            if one in splits and other in splits:
                assert splits[one] == splits[other]
        ids = kept.patient_ids, kept.lesion_ids
        for own in ids:
            seen = {}
            for name, value in zip(kept.image_ids, own, strict=True):
                if value:
                    assert seen.setdefault(value, splits[name]) == splits[name]
        order = random.sample(range(len(there)), len(there))
        again = prepare(rows.take(order), past, Recipe(), random.sample(pairs, len(pairs)))
        assert again[1] == splits
        assert again[2] == gone
        past = {**past, **remembered}


def linked_to_past(rows, image, past):
    """Whether the image's patient or lesion is that of an image with a past, in some steps."""
    reached, grown = {image}, True
    while grown:
        ties = [
            (name, {("p", patient), ("l", lesion)} - {("p", None), ("p", ""), ("l", None)})
            for name, patient, lesion in zip(
                rows.image_ids, rows.patient_ids, rows.lesion_ids, strict=True
            )
        ]
        near = set().union(*(tie for name, tie in ties if name in reached))
        more = {name for name, tie in ties if tie & near} | reached
        grown, reached = more != reached, more
    return bool((reached - {image}) & set(past))


def test_a_published_train_image_never_joins_a_published_test_split():
    """Not even where its patient was published for test before it came."""
    first = as_rows([*FILLER, ("t", "p1", None, "test")])
    recipe = Recipe(official=("test",))
    _, splits, gone, past = prepare(first, {}, recipe)
    assert (splits["t"], gone) == ("test", [])
    later = as_rows([*FILLER, ("t", "p1", None, "test"), ("new", "p1", None, "train")])
    _, after, (withdrawn,), _ = prepare(later, past, recipe)
    assert (withdrawn.image_id, withdrawn.reason) == ("new", "leak")
    assert after == splits


def test_a_published_train_image_joins_the_validation_that_was_drawn_from_it():
    recipe = Recipe(val=0.3, official=("test",))
    pool = [(name, patient, None, "train") for name, patient, *_ in FILLER]
    rows = [*pool, ("t", "p1", None, "test")]
    _, splits, _, past = prepare(as_rows(rows), {}, recipe)
    drawn = next(row for row in rows if splits[row[0]] == "val")
    _, after, gone, _ = prepare(as_rows([*rows, ("new", drawn[1], None, "train")]), past, recipe)
    assert after["new"] == "val"
    assert not gone


def test_an_unknown_published_split_is_refused():
    rows = as_rows([*FILLER, ("x", "p1", None, "dev")])
    with pytest.raises(DataError, match=r"'dev'.*\[x\]"):
        to_withdraw(rows, {}, ())


def test_a_recipe_comes_back_as_it_was_written():
    for recipe in (Recipe(), Recipe(0.2, 0.3, 4, ("val", "test"), near_duplicates=False)):
        assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe(0.2, 0.3, 4).changed(None, 0.1, None) == Recipe(0.2, 0.1, 4)
    assert Recipe(0.2).changed(0.0, None, 0).val == 0


def test_withdrawn_images_keep_no_split():
    past = {"a": "train", "b": WITHDRAWN}
    assert keeps_its_split(past, ["a", "b", "c"]) == 1
