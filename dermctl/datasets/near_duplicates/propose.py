"""Proposing pairs that may be near-duplicates, without comparing every picture with every other.

Multi-index hashing (Norouzi et al. 2012): parts of a code index a table each. Keypoints whose
parts agree fall into one bucket of that table, and each shared bucket is a vote for the pair of
pictures. Buckets that many pictures share say nothing and are left out. The best-voted partners
of each picture are proposed; :mod:`dermctl.datasets.near_duplicates.verify` decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.near_duplicates.codes import WORDS, Codes
from dermctl.datasets.near_duplicates.describe import Descriptions
from dermctl.progress import SILENT, Progress

TABLES = 8
"""One for each 16-bit part of a half code, joined with the part after it."""
SPARE_BITS = 6
"""Bits of a key beyond those that would give each keypoint a bucket of its own."""
MAX_BUCKET = 24
"""Entries of the largest bucket that still says something."""
MIN_VOTES = 4
PARTNERS = 10
"""Pairs a picture proposes at most, as is and mirrored; others may propose it besides."""
SLICE = 4096
"""Pictures whose pairs are counted at a time: bounds the memory."""

_PART = 16
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)
_ONE = np.uint64(1)

Keys = NDArray[np.uint64]
"""Ballots, packed: smaller row | larger row | whether mirrored."""


@dataclass(frozen=True)
class Proposals:
    """Pairs to be verified.

    Args:
        pairs: [p, 2] rows, the smaller first.
        mirrored: [p] whether one of the two would be the mirror image of the other.
        votes: [p] buckets shared.
    """

    pairs: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    votes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True)
class _Table:
    """The entries of one table's useful buckets, bucket by bucket and by picture within.

    Args:
        members: [e] row << 1 | twin, where twin is 1 for a keypoint of the mirror image. Where the
            twins of two entries of a bucket differ, one picture holds what the mirror image of the
            other holds.
        left: [e] entries that follow in the same bucket.
    """

    members: NDArray[np.uint32]
    left: NDArray[np.uint8]


def propose(descriptions: Descriptions, progress: Progress = SILENT) -> Proposals:
    """Propose pairs of pictures that share rare keypoints, sorted by row.

    Args:
        descriptions: of the pictures.
        progress: one unit a picture.
    """
    n = len(descriptions)
    rows = np.repeat(np.arange(n, dtype=np.uint32), np.diff(descriptions.offsets))
    bits = part_bits(len(rows))
    counted = []
    with progress.task("propose near-duplicates", n) as bar:
        tables = [_table(descriptions.codes, rows, part, bits) for part in range(TABLES)]
        for start in range(0, n, SLICE):
            counted.append(_count(tables, start))
            bar.advance(min(SLICE, n - start))
    ballots = np.concatenate([np.empty(0, np.uint64), *(found for found, _ in counted)])
    votes = np.concatenate([np.empty(0, np.int64), *(number for _, number in counted)])
    pairs = np.stack([ballots >> _HIGH, (ballots & _LOW) >> _ONE], axis=1).astype(np.int64)
    mirrored = (ballots & _ONE).astype(bool)
    kept = _among_best(pairs, mirrored, votes)
    return Proposals(pairs[kept], mirrored[kept], votes[kept])


def part_bits(keypoints: int) -> int:
    """Leading bits of each of a table's two parts that must agree: the more keypoints, the more."""
    return min(_PART, max(1, round((math.log2(max(1, keypoints)) + SPARE_BITS) / 2)))


def _table(codes: Codes, rows: NDArray[np.uint32], part: int, bits: int) -> _Table:
    """Index every keypoint, as it is and mirrored, by two neighbouring parts of its code."""
    keys = np.empty((2, len(rows)), np.uint64)
    for twin in (0, 1):
        np.left_shift(_part(codes, part, twin, bits), np.uint64(bits), out=keys[twin])
        keys[twin] |= _part(codes, (part + 1) % TABLES, twin, bits)
        keys[twin] <<= _HIGH
        keys[twin] |= rows.astype(np.uint64) << _ONE | np.uint64(twin)
    flat = keys.reshape(-1)
    flat.sort()
    firsts = _run_starts(flat >> _HIGH)
    sizes = np.diff(np.append(firsts, len(flat)))
    useful = (sizes > 1) & (sizes <= MAX_BUCKET)
    flat = flat[np.repeat(useful, sizes)]
    sizes = sizes[useful]
    position = np.arange(len(flat)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return _Table(
        (flat & _LOW).astype(np.uint32), (np.repeat(sizes, sizes) - position - 1).astype(np.uint8)
    )


def _part(codes: Codes, part: int, twin: int, bits: int) -> Keys:
    """The leading bits of the 16-bit ``part`` of every code; ``twin`` 1: of the mirrored code."""
    word = codes[:, part // 2 + twin * WORDS // 2]
    if part % 2:
        word = word << np.uint32(_PART)
    return np.asarray((word >> np.uint32(32 - bits)).astype(np.uint64))


def _count(tables: Sequence[_Table], start: int) -> tuple[Keys, NDArray[np.int64]]:
    """Pairs whose smaller row is in [start, start + SLICE) and that have enough votes."""
    ballots = np.concatenate([ballot for table in tables for ballot in _ballots(table, start)])
    ballots.sort()
    enough = ballots[MIN_VOTES - 1 :] == ballots[: len(ballots) - MIN_VOTES + 1]
    found = np.unique(ballots[: len(enough)][enough])
    found = found[found >> _HIGH != (found & _LOW) >> _ONE]  # a picture's own keypoints
    votes = np.searchsorted(ballots, found, "right") - np.searchsorted(ballots, found, "left")
    return found, votes


def _ballots(table: _Table, start: int) -> Iterator[Keys]:
    """A ballot for each two entries of a bucket whose smaller row is in the slice."""
    first, end = np.uint32(2 * start), np.uint32(2 * (start + SLICE))
    here = np.flatnonzero((table.members >= first) & (table.members < end) & (table.left > 0))
    members, left = table.members[here], table.left[here]
    for apart in range(1, MAX_BUCKET):
        reaches = left >= apart
        here, members, left = here[reaches], members[reaches], left[reaches]
        small = (members >> np.uint32(1)).astype(np.uint64)
        yield small << _HIGH | (table.members[here + apart] ^ (members & np.uint32(1)))


def _among_best(
    pairs: NDArray[np.int64], mirrored: NDArray[np.bool_], votes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether a pair is among the :data:`PARTNERS` most voted of either of its pictures."""
    owners = np.concatenate([pairs[:, 0], pairs[:, 1]]) * 2 + np.tile(mirrored, 2)
    others = np.concatenate([pairs[:, 1], pairs[:, 0]])
    order = np.lexsort((others, -np.tile(votes, 2), owners))
    firsts = _run_starts(owners[order])
    sizes = np.diff(np.append(firsts, len(owners)))
    rank = np.empty(len(owners), dtype=np.int64)
    rank[order] = np.arange(len(owners)) - np.repeat(firsts, sizes)
    return np.asarray((rank < PARTNERS).reshape(2, -1).any(axis=0))


def _run_starts(ordered: NDArray[np.generic]) -> NDArray[np.int64]:
    """Where each run of equal values begins in a sorted array."""
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return np.concatenate([[0], changes]) if len(ordered) else changes
