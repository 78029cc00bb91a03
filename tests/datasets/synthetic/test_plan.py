"""The invented cohort has what a split by patient and an audit by skin type need."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.datasets.synthetic.cohort import CLASS_SHARES, class_counts
from dermctl.datasets.synthetic.defects import Defect
from dermctl.datasets.synthetic.plan import Photo, draw_plan


@pytest.fixture(scope="module")
def plan() -> list[Photo]:
    return draw_plan(480, 0)


@pytest.mark.parametrize("seed", range(5))
def test_every_class_has_ten_patients_whose_images_can_be_used(seed: int) -> None:
    patients = defaultdict(set)
    for photo in draw_plan(480, seed):
        if photo.defect is None:
            patients[photo.row["diagnostic"]].add(photo.row["patient_id"])
    assert set(patients) == {"BCC", "ACK", "NEV", "SEK", "SCC", "MEL"}
    assert min(len(ids) for ids in patients.values()) >= 10


def test_every_skin_type_has_ten_patients_of_known_type(plan: list[Photo]) -> None:
    patients = defaultdict(set)
    for photo in plan:
        patients[photo.row["fitspatrick"]].add(photo.row["patient_id"])
    assert set(patients) == {"", "1.0", "2.0", "3.0", "4.0", "5.0", "6.0"}
    assert min(len(ids) for ids in patients.values()) >= 10


def test_several_images_a_lesion_and_several_lesions_a_patient(plan: list[Photo]) -> None:
    images = Counter((photo.row["patient_id"], photo.row["lesion_id"]) for photo in plan)
    lesions = Counter(patient for patient, _ in images)
    assert set(images.values()) == {1, 2, 3}
    assert {1, 2, 3} <= set(lesions.values()) <= {1, 2, 3, 4}
    diagnoses = defaultdict(set)
    for photo in plan:
        diagnoses[photo.row["patient_id"]].add(photo.row["diagnostic"])
    assert max(len(names) for names in diagnoses.values()) > 1


def test_lesion_id_is_no_key(plan: list[Photo]) -> None:
    patients = defaultdict(set)
    for photo in plan:
        patients[photo.row["lesion_id"]].add(photo.row["patient_id"])
    shared = sum(len(ids) > 1 for ids in patients.values())
    assert 0.02 < shared / len(patients) < 0.15


def test_classes_are_imbalanced_as_in_the_real_set_but_less(plan: list[Photo]) -> None:
    counts = Counter(photo.row["diagnostic"] for photo in plan)
    ordered = [counts[name] for name in ("BCC", "ACK", "NEV", "SEK", "SCC", "MEL")]
    assert ordered == sorted(ordered, reverse=True)
    assert 2 < ordered[0] / ordered[-1] < 845 / 52  # The real set's ratio.


@given(st.integers(56, 5000))
@settings(max_examples=50, deadline=None)
def test_class_counts_add_up(photographs: int) -> None:
    counts = class_counts(photographs)
    assert sum(counts.values()) == photographs
    for name, share in CLASS_SHARES.items():
        assert counts[name] == pytest.approx(share * photographs, abs=3.5)


@given(st.integers(60, 300), st.integers(0, 2**32))
@settings(max_examples=8, deadline=None)
def test_any_size_and_seed_gives_as_many_rows_with_names_of_their_own(
    images: int, seed: int
) -> None:
    plan = draw_plan(images, seed)
    assert len({photo.place for photo in plan}) == len(plan) == images
    assert {photo.part for photo in plan} == {1, 2, 3}


def test_near_duplicates_copy_images_without_defect_and_of_other_patients(
    plan: list[Photo],
) -> None:
    ids = {photo.img_id: photo for photo in plan}
    for photo in plan:
        if photo.defect is Defect.NEAR_DUPLICATE:
            assert photo.original is not None
            assert ids[photo.original.img_id].defect is None
            assert photo.original.row["patient_id"] != photo.row["patient_id"]


def test_photographs_of_a_lesion_differ(plan: list[Photo]) -> None:
    lesions = defaultdict(list)
    for photo in plan:
        if photo.defect is None:
            lesions[photo.row["patient_id"], photo.row["lesion_id"]].append(photo)
    first, second = next(photos for photos in lesions.values() if len(photos) > 1)[:2]
    one, other = first.take(0), second.take(0)
    assert one.shape != other.shape or not np.array_equal(one, other)
