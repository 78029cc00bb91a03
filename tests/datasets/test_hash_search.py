"""Near hashes are those that comparing all with all finds, up to the guaranteed distance."""

from __future__ import annotations

import numpy as np
import pytest

from dermctl.datasets.hash_search import near_hashes


def slow(orientations: np.ndarray, hashes: np.ndarray, most: int) -> set[tuple[int, int]]:
    return {
        (row, other)
        for row in range(len(orientations))
        for other in range(len(hashes))
        if min(bin(int(o) ^ int(hashes[other])).count("1") for o in orientations[row]) <= most
    }


@pytest.mark.parametrize("most", [0, 2, 3, 8])
def test_against_all_with_all(most: int) -> None:
    generator = np.random.default_rng(most)
    orientations = generator.integers(0, 2**64, (30, 8), np.uint64)
    hashes = generator.integers(0, 2**64, 50, np.uint64)
    for row in range(30):  # near ones, by none to ten bits
        bits = generator.choice(64, row % 11, replace=False)
        flips = np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64), initial=np.uint64(0))
        hashes[row] = orientations[row, generator.integers(8)] ^ flips
    wanted = slow(orientations, hashes, most)
    found = near_hashes(orientations, hashes, most)
    assert {(int(a), int(b)) for a, b in found} <= wanted
    assert found.tolist() == sorted(found.tolist())
    sure = slow(orientations, hashes, min(most, 3))
    assert sure <= {(int(a), int(b)) for a, b in found}
    assert sure


def test_none_on_one_side() -> None:
    none, some = np.empty((0, 8), np.uint64), np.zeros((2, 8), np.uint64)
    assert near_hashes(none, some[0], 3).shape == (0, 2)
    assert near_hashes(some, none[:, 0], 3).shape == (0, 2)
