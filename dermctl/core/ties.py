"""What ties images to others: the same file, lesion or patient, or the same picture.

Ids and file hashes are compared exactly. Pictures are compared by their keypoints, where both are
in the workspace. Of a picture that is not, a checkpoint's record has the perceptual hash only: it
proposes, and proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.descriptors import find_values
from dermctl.datasets.fingerprints import COLUMNS, UNKNOWN_ID, Fingerprints
from dermctl.datasets.hash_search import near_hashes
from dermctl.datasets.near_duplicates import Descriptions, find_near_duplicates
from dermctl.datasets.pictures import FEW_KEYPOINTS, Pictures
from dermctl.progress import SILENT, Progress

SAME_PICTURE = "same picture"
_BY_ID = {
    "bytes": "same bytes",
    "image": "same image id",
    "lesion": "same lesion",
    "patient": "same patient",
}
SMOOTH_BITS = 8
"""Bits of 64 in which the hashes of smooth pictures may differ that are compared pixel by pixel."""
UNVERIFIED_BITS = 4
"""Bits in which the hashes differ of pictures that may be the same, where one is not here. Of 400
HAM10000 pictures re-encoded (JPEG 75), mirrored or turned all were that near; of its test images
4.6 % are that near to a training image of another lesion."""
_SLAB = 50_000
"""Pictures on the other side that are compared at a time: bounds the memory."""
_WORTH_WORKERS = 1_000
"""Pictures from which on it pays to start processes."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Tie:
    """Why an image is tied, and to which row of the other side."""

    reason: str
    other: int


@dataclass(frozen=True, eq=False)
class Ties:
    """What ties the images of one side to those of another.

    Args:
        found: row → its tie.
        unverified: row → the row of the other side whose perceptual hash is near, and whose
            pixels are not here: perhaps the same picture, perhaps not.
    """

    found: dict[int, Tie] = field(default_factory=dict)
    unverified: dict[int, int] = field(default_factory=dict)


def find_ties(
    images: Fingerprints, others: Fingerprints, pictures: Pictures, progress: Progress = SILENT
) -> Ties:
    """Which of ``images`` are tied to any of ``others``.

    Args:
        images: all of them in the datasets of ``pictures``.
        others: some of them, maybe none, are there.
        pictures: where pixels are found.
        progress: where pictures are counted.

    Raises:
        DataError: a store cannot be read.
    """
    ties = Ties()
    if not len(images) or not len(others):
        return ties
    _tie_by_id(ties, images, others)
    here = pictures.here(others.column("bytes"))
    there, elsewhere = np.flatnonzero(here), np.flatnonzero(~here)
    keypoints = _tie_by_keypoints(ties, images, others, there, pictures, progress)
    _tie_smooth(ties, images, others, there, keypoints, pictures, progress)
    _note_unverified(ties, images, others, elsewhere, pictures, progress)
    return ties


def _tie_by_id(ties: Ties, images: Fingerprints, others: Fingerprints) -> None:
    for name, reason in _BY_ID.items():
        if name in COLUMNS:
            own = images.column(name)
            partners = find_values(own, others.column(name))
            rows = np.flatnonzero((partners >= 0) & (own != UNKNOWN_ID))
            for row in rows.tolist():
                ties.found.setdefault(row, Tie(reason, int(partners[row])))


def _tie_by_keypoints(
    ties: Ties,
    images: Fingerprints,
    others: Fingerprints,
    here: Rows,
    pictures: Pictures,
    progress: Progress,
) -> dict[int, int]:
    """Tie what is not tied yet; returns the number of keypoints of each row looked at."""
    rows = _untied(ties, len(images))
    if not len(rows):
        return {}
    own = pictures.descriptions(images.column("bytes")[rows], progress)
    for start in range(0, len(here), _SLAB):
        slab = here[start : start + _SLAB]
        theirs = pictures.descriptions(others.column("bytes")[slab], progress)
        for row, other in _pairs(own, theirs, pictures.workers, progress):
            ties.found.setdefault(int(rows[row]), Tie(SAME_PICTURE, int(slab[other])))
    return dict(zip(rows.tolist(), np.diff(own.offsets).tolist(), strict=True))


def _pairs(
    own: Descriptions, theirs: Descriptions, workers: int | None, progress: Progress
) -> list[tuple[int, int]]:
    both = Descriptions.concatenate([own, theirs])
    pairs = find_near_duplicates(
        both,
        skip_within=np.arange(len(both)) >= len(own),
        workers=workers if len(both) >= _WORTH_WORKERS else 1,
        progress=progress,
    )
    pairs.sort(key=lambda pair: -pair.score)  # an image is tied to the one that is most like it
    return [(pair.i, pair.j - len(own)) for pair in pairs]


def _tie_smooth(
    ties: Ties,
    images: Fingerprints,
    others: Fingerprints,
    here: Rows,
    keypoints: dict[int, int],
    pictures: Pictures,
    progress: Progress,
) -> None:
    """Tie pictures that have too few keypoints to be told by, where their pixels correlate."""
    few = [row for row, count in keypoints.items() if count < 2 * FEW_KEYPOINTS]
    rows = np.array([row for row in few if row not in ties.found], np.int64)
    near = _near(images, others, rows, here, SMOOTH_BITS, pictures, progress)
    own, theirs = images.column("bytes")[near[:, 0]], others.column("bytes")[near[:, 1]]
    for row, other in near[pictures.same(own, theirs, progress)].tolist():
        ties.found.setdefault(row, Tie(SAME_PICTURE, other))


def _note_unverified(
    ties: Ties,
    images: Fingerprints,
    others: Fingerprints,
    elsewhere: Rows,
    pictures: Pictures,
    progress: Progress,
) -> None:
    rows = _untied(ties, len(images))
    near = _near(images, others, rows, elsewhere, UNVERIFIED_BITS, pictures, progress)
    for row, other in near.tolist():
        ties.unverified.setdefault(row, other)


def _near(
    images: Fingerprints,
    others: Fingerprints,
    rows: Rows,
    partners: Rows,
    most: int,
    pictures: Pictures,
    progress: Progress,
) -> Rows:
    """Rows of ``images`` and ``others``, of those given, whose hashes are near: [p, 2]."""
    if not len(rows) or not len(partners):
        return np.empty((0, 2), np.int64)
    hashes = pictures.orientations(images.column("bytes")[rows], progress)
    near = near_hashes(hashes, others.column("picture")[partners], most)
    return np.stack([rows[near[:, 0]], partners[near[:, 1]]], axis=1)


def _untied(ties: Ties, images: int) -> Rows:
    untied = np.ones(images, bool)
    untied[list(ties.found)] = False
    return np.flatnonzero(untied)
