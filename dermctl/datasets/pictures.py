"""The same picture in another file: proposed by perceptual hash, verified on pixels.

A hash alone does not do: two lesions may share one. So pairs whose hashes are near in one of the
eight orientations are only proposed, and their packed pixels decide.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.decoding import decode_rgb
from dermctl.datasets.fingerprints import Hashes, sha256_prefixes
from dermctl.datasets.hashing import orientation_hashes
from dermctl.datasets.manifest import SPLITS, read_manifest
from dermctl.datasets.near_duplicates import Description, describe
from dermctl.datasets.near_duplicates.verify import verify
from dermctl.datasets.prepared import Split
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.progress import SILENT, Progress

MAX_DISTANCE = 8
"""Bits of 64 in which the hashes of proposed pictures may differ; all pairs up to 3 are found."""
_BANDS = 4
_BAND_BITS = np.uint64(16)
_SLICE = 1024
"""Pictures whose proposals are made at a time: bounds the memory."""
_FEW_KEYPOINTS = 24
"""With fewer, a picture is too smooth to be told by them, and is compared pixel by pixel."""
_SIDE = 64
_CORRELATION = 0.99

Pixels = NDArray[np.uint8]


class Pictures:
    """The packed pixels of the images of prepared datasets, found by the hash of their bytes."""

    def __init__(self, folders: list[Path]) -> None:
        self._folders = folders
        self._places: dict[int, tuple[Path, int, int]] | None = None
        self._stores: dict[Path, Store] = {}
        self.description = lru_cache(maxsize=4096)(self._describe)

    def pixels(self, prefix: int) -> Pixels | None:
        """Pixels of the image whose SHA-256 begins so, or None where it is not here."""
        if self._places is None:
            self._places = dict(_places(self._folders))
        place = self._places.get(prefix)
        return None if place is None else self.stored(*place)

    def stored(self, folder: Path, shard: int, row: int) -> Pixels:
        """Pixels (RGB) at a place of the store of the dataset in ``folder``."""
        store = self._stores.setdefault(folder, Store(folder / STORE_FOLDER))
        return decode_rgb(bytes(store.read(shard, row))).pixels

    def orientations(self, split: Split, progress: Progress = SILENT) -> Hashes:
        """The perceptual hashes of a split's images in the eight orientations: [n, 8]."""
        hashes = np.empty((len(split), 8), np.uint64)
        places = zip(split.column("shard"), split.column("row"), strict=True)
        what = f"Hashing {split.folder.name}/{split.name}"
        with progress.task(what, len(split), "images") as bar:
            for number, place in enumerate(places):
                hashes[number] = orientation_hashes(self.stored(split.folder, *place))
                bar.advance(1)
        return hashes

    def same(self, one: int, other: int) -> bool | None:
        """Whether two images, by SHA-256 prefix, show the same; None where one is not here."""
        a, b = self.description(one), self.description(other)
        if a is None or b is None:
            return None
        if min(len(a), len(b)) >= _FEW_KEYPOINTS:
            return any(verify(a, b, mirror=mirror) is not None for mirror in (False, True))
        first, second = self.pixels(one), self.pixels(other)
        return first is not None and second is not None and correlated(first, second)

    def _describe(self, prefix: int) -> Description | None:
        pixels = self.pixels(prefix)
        return None if pixels is None else describe(pixels)


def _places(folders: list[Path]) -> Iterator[tuple[int, tuple[Path, int, int]]]:
    for folder in folders:
        for name in SPLITS:
            table = read_manifest(folder, name, ["sha256", "shard", "row"])
            columns = (table.column(key).to_pylist() for key in ("sha256", "shard", "row"))
            digests, shards, rows = columns
            for prefix, shard, row in zip(
                sha256_prefixes(digests).tolist(), shards, rows, strict=True
            ):
                yield prefix, (folder, shard, row)


def correlated(one: Pixels, other: Pixels) -> bool:
    """Whether two pictures correlate pixel by pixel in one of the eight orientations."""
    a, b = _standardised(one), _standardised(other)
    turned = [np.rot90(side, turns) for side in (b, b[:, ::-1]) for turns in range(4)]
    return max(float((a * side).mean()) for side in turned) >= _CORRELATION


def _standardised(pixels: Pixels) -> NDArray[np.float64]:
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    return np.asarray((small - small.mean()) / max(float(small.std()), 1e-6))


def propose(orientations: Hashes, hashes: Hashes) -> NDArray[np.int64]:
    """Pairs of pictures that may be the same.

    Args:
        orientations: [n, 8] hashes of one side.
        hashes: [m] of the other.

    Returns:
        [p, 2] a row of each side, sorted: the hashes differ in at most :data:`MAX_DISTANCE` bits,
        and agree in one of their four 16-bit parts (Norouzi et al. 2012).
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
            near = np.bitwise_count(slab[one] ^ hashes[other]) <= MAX_DISTANCE
            pairs = np.stack([start + one[near] // orientations.shape[1], other[near]], axis=1)
            found.append(np.unique(pairs, axis=0))
    return np.unique(np.concatenate(found), axis=0)


def _part(hashes: Hashes, band: int) -> NDArray[np.uint16]:
    return np.asarray((hashes >> (np.uint64(band) * _BAND_BITS)).astype(np.uint16))
