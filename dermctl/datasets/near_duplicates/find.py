"""Finding near-duplicates: propose by codes, verify by the arrangement of keypoints."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike

from dermctl.datasets.groups import connected_groups
from dermctl.datasets.near_duplicates.describe import Description, Descriptions
from dermctl.datasets.near_duplicates.propose import Proposals, propose
from dermctl.datasets.near_duplicates.verify import Alignment, verify
from dermctl.datasets.pool import ordered_map
from dermctl.progress import SILENT, Progress

COPY = "copy"
"""One file made from another: re-encoded, resized, recoloured, cropped, mirrored or turned."""
REPHOTOGRAPHED = "rephotographed"
"""Another photograph of the same skin."""

MAX_LESIONS = 10
"""Lesions that near-duplicates alone may join before someone should look at them."""

_COPY_SCALES = (0.85, 1.18)
_COPY_TILT = 0.5
"""Degrees off a quarter turn: a hand-held camera rarely comes that close."""
_COPY_RESIDUAL = 0.007
"""In long sides: skin photographed twice has stretched more."""


@dataclass(frozen=True, order=True)
class Pair:
    """Two near-duplicate pictures.

    Args:
        i: row of the one, the smaller.
        j: row of the other.
        score: keypoints that lie in the same arrangement, at least
            :data:`~dermctl.datasets.near_duplicates.verify.MIN_MATCHES`.
        kind: :data:`COPY` or :data:`REPHOTOGRAPHED`; a guess, for people.
        mirrored: whether picture i is mirrored left to right, then turned, to lie on j.
        turn: degrees clockwise by which it is turned, in (-180, 180].
        scale: size in j over size in i, both brought to the same long side.
    """

    i: int
    j: int
    score: int
    kind: str
    mirrored: bool
    turn: float
    scale: float


_Task = tuple[Description, list[tuple[int, int, bool, Description]]]


def find_near_duplicates(
    descriptions: Descriptions,
    *,
    skip_within: ArrayLike | None = None,
    workers: int | None = 1,
    progress: Progress = SILENT,
) -> list[Pair]:
    """Find the near-duplicate pairs among pictures.

    Args:
        descriptions: of n pictures (:func:`~dermctl.datasets.near_duplicates.describe.describe`).
        skip_within: [n] numbers; pairs of pictures with the same number are not verified. Pass
            known groups to save time, or datasets to find pairs between them only.
        workers: processes that verify; None means one for each CPU core.
        progress: where to report.

    Returns:
        verified pairs, sorted by row.
    """
    proposals = propose(descriptions, progress)
    if skip_within is not None:
        proposals = _between(proposals, np.asarray(skip_within))
    found: dict[tuple[int, int], Pair] = {}
    tasks = _tasks(descriptions, proposals)
    with progress.task("verify near-duplicates", len(proposals), "pairs") as bar:
        for verified, pairs in ordered_map(_verify_task, tasks, workers):
            for pair in pairs:
                rows = (pair.i, pair.j)
                if rows not in found or pair.score > found[rows].score:
                    found[rows] = pair
            bar.advance(verified)
    return sorted(found.values())


def large_components(
    pairs: ArrayLike, lesions: Sequence[Hashable], limit: int = MAX_LESIONS
) -> list[list[int]]:
    """Components that near-duplicates alone join and that hold suspiciously many lesions.

    Args:
        pairs: [m, 2] rows of verified pairs.
        lesions: [n] lesion of each picture; where it is unknown, anything unique.
        limit: lesions up to which a component is plausible.

    Returns:
        the rows of each component to be looked at, the largest first.
    """
    numbers = connected_groups(len(lesions), [pairs])
    members: dict[int, list[int]] = {}
    for row, number in enumerate(numbers.tolist()):
        members.setdefault(number, []).append(row)
    large = [rows for rows in members.values() if len({lesions[row] for row in rows}) > limit]
    return sorted(large, key=lambda rows: (-len(rows), rows))


def _between(proposals: Proposals, numbers: ArrayLike) -> Proposals:
    ends = np.asarray(numbers)[proposals.pairs]
    kept = ends[:, 0] != ends[:, 1]
    return Proposals(proposals.pairs[kept], proposals.mirrored[kept], proposals.votes[kept])


def _tasks(descriptions: Descriptions, proposals: Proposals) -> Iterator[_Task]:
    """One task for each picture that proposes: its description and its partners'."""
    rows = zip(proposals.pairs.tolist(), proposals.mirrored.tolist(), strict=True)
    for i, partners in groupby(rows, key=lambda row: int(row[0][0])):
        yield (
            descriptions[i],
            [(i, j, mirror, descriptions[j]) for (_, j), mirror in partners],
        )


def _verify_task(task: _Task) -> tuple[int, list[Pair]]:
    """Number of pairs looked at, and those that are near-duplicates."""
    one, partners = task
    pairs = []
    for i, j, mirror, other in partners:
        alignment = verify(one, other, mirror=mirror)
        if alignment is not None:
            pairs.append(_pair(i, j, alignment))
    return len(partners), pairs


def _pair(i: int, j: int, alignment: Alignment) -> Pair:
    tilt = abs((alignment.turn + 45) % 90 - 45)
    smallest, largest = _COPY_SCALES
    is_copy = (
        tilt <= _COPY_TILT
        and smallest <= alignment.scale <= largest
        and alignment.residual <= _COPY_RESIDUAL
    )
    return Pair(
        i=i,
        j=j,
        score=alignment.matches,
        kind=COPY if is_copy else REPHOTOGRAPHED,
        mirrored=alignment.mirrored,
        turn=round(alignment.turn, 1),
        scale=round(alignment.scale, 3),
    )
