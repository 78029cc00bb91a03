"""Pictures whose perceptual hashes are near, found without comparing all with all.

Multi-index hashing (Norouzi et al. 2012): hashes that differ in few bits agree in one of their
four 16-bit parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.fingerprints import Hashes

_BANDS = 4
_BAND_BITS = np.uint64(16)
_SLICE = 1024
"""Pictures whose partners are sought at a time: bounds the memory."""


def near_hashes(orientations: Hashes, hashes: Hashes, most: int) -> NDArray[np.int64]:
    """Pairs of pictures whose hashes are near.

    Args:
        orientations: [n, 8] hashes of one side, in the eight orientations.
        hashes: [m] of the other.
        most: bits of 64 in which they may differ. All pairs up to 3 are found; of those that
            differ in more, the ones that agree in a 16-bit part.

    Returns:
        [p, 2] a row of each side, sorted.
    """
    found = [np.empty((0, 2), np.int64)]
    for band in range(_BANDS):
        parts = _part(hashes, band)
        order = np.argsort(parts, kind="stable")
        ordered = parts[order]
        for start in range(0, len(orientations), _SLICE):
            slab = orientations[start : start + _SLICE].reshape(-1)
            keys = _part(slab, band)
            first = np.searchsorted(ordered, keys, "left")
            count = np.searchsorted(ordered, keys, "right") - first
            one = np.repeat(np.arange(len(slab)), count)
            offset = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
            other = order[np.repeat(first, count) + offset]
            near = np.bitwise_count(slab[one] ^ hashes[other]) <= most
            pairs = np.stack([start + one[near] // orientations.shape[1], other[near]], axis=1)
            found.append(np.unique(pairs, axis=0))
    return np.unique(np.concatenate(found), axis=0)


def _part(hashes: Hashes, band: int) -> NDArray[np.uint16]:
    return np.asarray((hashes >> (np.uint64(band) * _BAND_BITS)).astype(np.uint16))
