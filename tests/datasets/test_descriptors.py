"""Keypoints are kept with the dataset, found by the hash of the file, and sought once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dermctl.datasets import descriptors as module
from dermctl.datasets.descriptors import (
    DESCRIPTORS_FILE,
    Described,
    described,
    find_values,
    keep_described,
    read_described,
    take_descriptions,
    write_described,
)
from dermctl.datasets.near_duplicates import Descriptions, describe
from dermctl.datasets.packing import pack
from dermctl.datasets.store import STORE_FOLDER, StoreWriter
from dermctl.errors import DataError
from tests.datasets.near_duplicates.pictures import draw

PREFIXES = np.array([70, 50, 90, 2**64 - 1], np.uint64)


class Told:
    """Progress that remembers what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.counted: list[float] = []

    def task(self, description: str, total: float | None = None, unit: str = "images"):  # type: ignore[no-untyped-def]
        from dermctl.progress import SILENT

        self.counted.append(total or 0)
        return SILENT.task(description, total, unit)

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [draw(seed, 90, 120) for seed in range(len(PREFIXES))]


@pytest.fixture
def folder(tmp_path: Path, pictures: list[np.ndarray]) -> Path:
    with StoreWriter(tmp_path / STORE_FOLDER) as writer:
        for number, picture in enumerate(pictures):
            writer.add(f"i{number}", pack(picture, lossless=True))
    return tmp_path


PLACES = [(0, row) for row in range(len(PREFIXES))]


def same(one: Descriptions, other: Descriptions) -> bool:
    return (
        np.array_equal(one.offsets, other.offsets)
        and np.array_equal(one.points, other.points)
        and np.array_equal(one.codes, other.codes)
    )


def test_values_are_found_where_they_stand_first() -> None:
    generator = np.random.default_rng(0)
    among = generator.integers(0, 30, 40).astype(np.uint64)
    wanted = np.arange(35, dtype=np.uint64)
    slow = [among.tolist().index(value) if value in among else -1 for value in wanted.tolist()]
    assert find_values(wanted, among).tolist() == slow
    assert find_values(wanted, among[:0]).tolist() == [-1] * 35


def test_taken_in_any_order_and_more_than_once(pictures: list[np.ndarray]) -> None:
    empty = np.full((20, 20, 3), 128, np.uint8)
    each = [describe(picture) for picture in (pictures[0], empty, pictures[1])]
    rows = np.array([2, 1, 0, 2])
    taken = take_descriptions(Descriptions.gather(each), rows)
    assert same(taken, Descriptions.gather(each[row] for row in rows.tolist()))


def test_sought_once_then_read(folder: Path, pictures: list[np.ndarray]) -> None:
    told = Told()
    first = described(folder, PREFIXES[:2], PLACES[:2], 1, told)
    assert told.counted == [2]
    assert same(first.take(PREFIXES[:2]), Descriptions.gather(map(describe, pictures[:2])))
    again = described(folder, PREFIXES, PLACES, 1, told)
    assert told.counted == [2, 2]
    backwards = [describe(picture) for picture in pictures[::-1]]
    assert same(again.take(PREFIXES[::-1]), Descriptions.gather(backwards))
    described(folder, PREFIXES[1:], PLACES[1:], 1, told)
    assert told.counted == [2, 2]


def test_what_prepare_found_is_not_sought_again(
    folder: Path, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [describe(pictures[0]), None, *map(describe, pictures[2:])]
    keep_described(folder, PREFIXES, found)
    assert read_described(folder).find(PREFIXES).tolist() == [0, -1, 1, 2]
    monkeypatch.setattr(module, "describe_stored", None)
    assert len(described(folder, PREFIXES[[0, 3]], [PLACES[0], PLACES[3]]).prefixes) == 3


def test_nothing_is_written_where_keypoints_were_not_sought(tmp_path: Path) -> None:
    keep_described(tmp_path, PREFIXES, [None] * len(PREFIXES))
    assert not (tmp_path / DESCRIPTORS_FILE).exists()


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short", b"nothing of the kind"])
def test_a_damaged_file_is_made_again(folder: Path, damage: bytes) -> None:
    (folder / DESCRIPTORS_FILE).write_bytes(damage)
    assert len(read_described(folder).prefixes) == 0
    assert len(described(folder, PREFIXES, PLACES, 1).prefixes) == len(PREFIXES)
    assert len(read_described(folder).prefixes) == len(PREFIXES)


def test_a_file_of_another_version_is_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(folder, PREFIXES, PLACES, 1)
    monkeypatch.setattr(module, "_FORMAT", 2)
    assert len(read_described(folder).prefixes) == 0


def test_a_folder_that_takes_no_file_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, described: Described) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_described", full)
    told = Told()
    assert len(described(folder, PREFIXES, PLACES, 1, told).prefixes) == len(PREFIXES)
    assert "cannot be kept" in told.said[0]
    assert "No space left" in told.said[0]


def test_a_damaged_picture_is_said_with_the_next_step(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    with StoreWriter(folder / STORE_FOLDER) as writer:
        writer.add("i0", b"no picture")
    with pytest.raises(DataError, match="damaged") as caught:
        described(folder, PREFIXES[:1], PLACES[:1], 1)
    assert "dermctl data check clinic" in str(caught.value)


def test_written_and_read(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    found = Descriptions.gather(map(describe, pictures))
    write_described(tmp_path, Described(PREFIXES, found))
    back = read_described(tmp_path)
    assert back.prefixes.tolist() == PREFIXES.tolist()
    assert same(back.descriptions, found)
    assert [path.name for path in tmp_path.iterdir()] == [DESCRIPTORS_FILE]
