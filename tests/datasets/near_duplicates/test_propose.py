"""Proposals against a slow count over dictionaries of buckets."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
import pytest

from dermctl.datasets.near_duplicates import propose as module
from dermctl.datasets.near_duplicates.codes import mirrored
from dermctl.datasets.near_duplicates.describe import Descriptions
from dermctl.datasets.near_duplicates.propose import part_bits, propose


def crowd(pictures: int, keypoints: int, looks: int, seed: int) -> Descriptions:
    """Pictures whose keypoints are drawn from few looks, with a bit flipped here and there."""
    rng = np.random.default_rng(seed)
    palette = rng.integers(0, 2**32, (looks, 8), dtype=np.uint32)
    sizes = rng.integers(0, keypoints + 1, pictures)
    codes = palette[rng.zipf(1.5, sizes.sum()) % looks]
    codes ^= (rng.random(codes.shape) < 0.3).astype(np.uint32) << rng.integers(
        0, 32, codes.shape, dtype=np.uint32
    )
    flipped = rng.random(len(codes)) < 0.3
    codes[flipped] = mirrored(codes[flipped])
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return Descriptions(np.zeros((len(codes), 4), np.float16), codes, offsets)


def parts(code: list[int], bits: int) -> list[int]:
    """The eight 16-bit parts of half a code, cut to their leading bits."""
    halves = [half for word in code for half in (word >> 16, word & 0xFFFF)]
    return [half >> (16 - bits) for half in halves]


def slow_votes(descriptions: Descriptions) -> Counter[tuple[int, int, bool]]:
    votes: Counter[tuple[int, int, bool]] = Counter()
    buckets = defaultdict(list)
    bits = part_bits(len(descriptions.codes))
    for row in range(len(descriptions)):
        for code in descriptions[row].codes.tolist():
            for twin, half in enumerate((parts(code[:4], bits), parts(code[4:], bits))):
                for table in range(8):
                    key = (table, half[table], half[(table + 1) % 8])
                    buckets[key].append((row, twin))
    for entries in buckets.values():
        if len(entries) <= module.MAX_BUCKET:
            for (i, a), (j, b) in combinations(entries, 2):
                if i != j:
                    votes[min(i, j), max(i, j), a != b] += 1
    return votes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slice_size", [7, 4096])
def test_pairs_and_votes_are_those_of_a_slow_count(monkeypatch, seed, slice_size):
    monkeypatch.setattr(module, "SLICE", slice_size)
    monkeypatch.setattr(module, "PARTNERS", 10**6)
    descriptions = crowd(40, 12, 60, seed)
    found = propose(descriptions)
    expected = {
        pair: votes for pair, votes in slow_votes(descriptions).items() if votes >= module.MIN_VOTES
    }
    rows = zip(found.pairs.tolist(), found.mirrored.tolist(), strict=True)
    keys = [(i, j, mirror) for (i, j), mirror in rows]
    assert dict(zip(keys, found.votes.tolist(), strict=True)) == expected
    assert len(expected) > 20
    assert {mirror for _, _, mirror in expected} == {True, False}
    assert keys == sorted(keys)


def test_a_picture_proposes_its_best_partners_only(monkeypatch):
    descriptions = crowd(40, 12, 60, 0)
    monkeypatch.setattr(module, "PARTNERS", 10**6)
    everything = propose(descriptions)
    monkeypatch.setattr(module, "PARTNERS", 2)
    found = propose(descriptions)
    assert 0 < len(found) < len(everything)
    kept = set(map(tuple, np.column_stack([found.pairs, found.mirrored]).tolist()))
    best = set()
    rows = np.column_stack([everything.pairs, everything.mirrored, everything.votes]).tolist()
    for picture in range(40):
        for mirror in (0, 1):
            own = [r for r in rows if picture in r[:2] and r[2] == mirror]
            own.sort(key=lambda r: (-r[3], r[0] + r[1] - picture))
            best |= {tuple(r[:3]) for r in own[:2]}
    assert kept == best


@pytest.mark.parametrize(
    ("keypoints", "bits"), [(0, 3), (1, 3), (2**20, 13), (2**24, 15), (2**40, 16)]
)
def test_keys_grow_with_the_number_of_keypoints(keypoints, bits):
    assert part_bits(keypoints) == bits


def test_no_pictures_and_no_keypoints_propose_nothing():
    assert len(propose(Descriptions.gather([]))) == 0
    empty = Descriptions(
        np.empty((0, 4), np.float16), np.empty((0, 8), np.uint32), np.zeros(4, int)
    )
    assert len(propose(empty)) == 0
