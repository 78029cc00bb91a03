"""From pictures to pairs: every kind of copy is found, different lesions are not."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

from dermctl.datasets.near_duplicates import (
    COPY,
    Descriptions,
    describe,
    find_near_duplicates,
    large_components,
)
from tests.datasets.near_duplicates.pictures import copies, draw

ORIGINALS = 12


@pytest.fixture(scope="module")
def scene() -> tuple[Descriptions, list[tuple[int, str]]]:
    """Twelve pictures and one copy of each of eight of them, one of each kind."""
    pictures = [draw(seed) for seed in range(ORIGINALS)]
    kinds = list(copies(pictures[0]))
    made = [copies(pictures[number])[kind] for number, kind in enumerate(kinds)]
    descriptions = Descriptions.gather(map(describe, [*pictures, *made]))
    return descriptions, list(enumerate(kinds))


def test_each_kind_of_copy_is_found_and_nothing_else(scene):
    descriptions, kinds = scene
    found = find_near_duplicates(descriptions)
    assert [(pair.i, pair.j) for pair in found] == [(n, ORIGINALS + n) for n, _ in kinds]
    assert all(pair.kind == COPY for pair in found)


@pytest.mark.parametrize(
    ("kind", "mirror", "turn"),
    [
        ("halved", False, 0),
        ("mirrored", True, 0),
        ("turned", False, -90),
        ("transposed", True, -90),
    ],
)
def test_the_way_up_is_told(scene, kind, mirror, turn):
    descriptions, kinds = scene
    number = next(n for n, name in kinds if name == kind)
    pair = next(p for p in find_near_duplicates(descriptions) if p.i == number)
    assert pair.mirrored is mirror
    assert pair.turn == pytest.approx(turn, abs=0.5)
    assert pair.scale == pytest.approx(1, abs=0.02)


def test_pairs_within_a_known_group_are_not_looked_at(scene):
    descriptions, kinds = scene
    numbers = np.arange(len(descriptions))
    numbers[ORIGINALS] = 0  # the first copy is known to belong to the first picture
    found = find_near_duplicates(descriptions, skip_within=numbers)
    assert [pair.i for pair in found] == [n for n, _ in kinds[1:]]


def test_two_workers_find_what_one_finds(scene):
    descriptions, _ = scene
    assert find_near_duplicates(descriptions, workers=2) == find_near_duplicates(descriptions)


def test_components_of_many_lesions_are_listed_largest_first():
    chain = [(n, n + 1) for n in [*range(3), *range(5, 9)]]
    lesions = [f"lesion {n}" for n in range(12)]
    assert large_components(chain, lesions, limit=3) == [[5, 6, 7, 8, 9], [0, 1, 2, 3]]
    assert large_components(chain, lesions, limit=4) == [[5, 6, 7, 8, 9]]
    assert large_components(chain, ["same"] * 12, limit=1) == []


def read(path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


@pytest.mark.real_data
def test_published_duplicates_of_ham10000_are_found_and_other_lesions_are_not(real_data):
    folder = real_data / "ham10000"
    with (real_data / "cleaning_lists/ham10000_newly_discovered_duplicates.csv").open() as file:
        published = [(row["from_img"], row["to_img"]) for row in csv.DictReader(file)]
    names = sorted({name for pair in published for name in pair})
    others = sorted(path.name for path in (folder / "images").iterdir())[::100]
    names += [name for name in others if name not in names]
    descriptions = Descriptions.gather(describe(read(folder / "images" / name)) for name in names)
    found = {(names[p.i], names[p.j]) for p in find_near_duplicates(descriptions)}
    hits = [pair for pair in published if pair in found or pair[::-1] in found]
    assert len(hits) >= 15
    with (folder / "HAM10000_metadata.csv").open() as file:
        lesion = {row["image_id"] + ".jpg": row["lesion_id"] for row in csv.DictReader(file)}
    expected = {frozenset(pair) for pair in published}
    strays = {
        name
        for pair in found
        if frozenset(pair) not in expected and lesion[pair[0]] != lesion[pair[1]]
        for name in pair
    }
    # Two of the published pairs show one lesion at two magnifications: seen by eye.
    assert strays <= {f"ISIC_00{n}.jpg" for n in (27689, 29152, 32647, 33173)}


@pytest.mark.real_data
def test_the_copy_among_the_photographs_of_pad_ufes_20_is_found(real_data):
    folder = real_data / "pad-ufes-20/images"
    names = sorted(path.name for path in folder.iterdir())[-120:]
    descriptions = Descriptions.gather(describe(read(folder / name)) for name in names)
    found = {(names[p.i], names[p.j]): p for p in find_near_duplicates(descriptions)}
    assert found["PAT_759_1433_914.png", "PAT_759_1538_566.png"].kind == COPY
    assert ("PAT_995_1867_165.png", "PAT_995_1867_5.png") in found
    assert all(one.split("_")[1] == other.split("_")[1] for one, other in found)
