"""The pictures of prepared datasets, found by the hash of their files, and compared.

Two pictures are the same when their keypoints lie in the same arrangement
(:mod:`dermctl.datasets.near_duplicates`), or, where one is too smooth to have any, when they
correlate pixel by pixel in one of the eight orientations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.descriptors import (
    Described,
    described,
    find_values,
    take_descriptions,
)
from dermctl.datasets.fingerprints import Hashes, sha256_prefixes
from dermctl.datasets.hashing import orientation_hashes
from dermctl.datasets.manifest import SPLITS, read_manifest
from dermctl.datasets.near_duplicates import Description, Descriptions
from dermctl.datasets.near_duplicates.verify import verify
from dermctl.datasets.pool import ordered_map
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.datasets.stored_pixels import stored_pixels
from dermctl.progress import SILENT, Progress

FEW_KEYPOINTS = 24
"""With fewer, a picture is too smooth to be told by them, and is compared pixel by pixel."""
_SIDE = 64
_CORRELATION = 0.99
_AT_ONCE = 256
"""Pictures of one task: a worker opens the store once a task."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Place:
    """Where an image of a prepared dataset is.

    Args:
        folder: of the dataset.
        split: ``train``, ``val`` or ``test``.
        image_id: the image's.
        shard: of the dataset's store.
        row: in that shard.
    """

    folder: Path
    split: str
    image_id: str
    shard: int
    row: int

    def __str__(self) -> str:
        return f"{self.folder.name}/{self.split}/{self.image_id}"

    def pixels(self) -> Pixels:
        """The packed pixels (RGB); DataError where they cannot be read."""
        return stored_pixels(Store(self.folder / STORE_FOLDER), self.shard, self.row)


class Pictures:
    """The packed pictures of prepared datasets.

    Args:
        folders: of the datasets.
        workers: processes that look at pictures; None means one for each CPU core.
    """

    def __init__(self, folders: Sequence[Path], workers: int | None = None) -> None:
        self._folders = tuple(folders)
        self.workers = workers
        self._described: dict[Path, Described] = {}

    def here(self, prefixes: Hashes) -> NDArray[np.bool_]:
        """Whether each image, by SHA-256 prefix, is in one of the datasets: [n]."""
        return find_values(prefixes, self._index[0]) >= 0

    def places(self, prefixes: Hashes) -> list[Place]:
        """Where images are, all of which are here."""
        known, places = self._index
        return [places[number] for number in find_values(prefixes, known).tolist()]

    def names(self, prefixes: Hashes) -> list[str]:
        """Images as ``dataset/split/image_id``; empty for those that are not here."""
        known, places = self._index
        found = find_values(prefixes, known).tolist()
        return [str(places[number]) if number >= 0 else "" for number in found]

    def descriptions(self, prefixes: Hashes, progress: Progress = SILENT) -> Descriptions:
        """The keypoints of images, all of which are here, in order.

        Raises:
            DataError: a store cannot be read.
        """
        rows_of: dict[Path, list[int]] = {}
        places = self.places(prefixes)
        for row, place in enumerate(places):
            rows_of.setdefault(place.folder, []).append(row)
        parts, order = [Descriptions.gather([])], [np.empty(0, np.int64)]
        for folder, rows in rows_of.items():
            own = prefixes[rows]
            shards = [(places[row].shard, places[row].row) for row in rows]
            parts.append(self._known(folder, own, shards, progress).take(own))
            order.append(np.array(rows))
        return take_descriptions(Descriptions.concatenate(parts), np.argsort(np.concatenate(order)))

    def orientations(self, prefixes: Hashes, progress: Progress = SILENT) -> Hashes:
        """The perceptual hashes of images, all here, in the eight orientations: [n, 8].

        Raises:
            DataError: a store cannot be read.
        """
        places = self.places(prefixes)
        tasks = [places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE)]
        found = [np.empty((0, 8), np.uint64)]
        workers = self.workers if len(tasks) > 1 else 1
        with progress.task("hash pictures in eight orientations", len(places)) as bar:
            for part in ordered_map(_orientations, tasks, workers, chunk=1):
                found.append(part)
                bar.advance(len(part))
        return np.concatenate(found)

    def same(self, ones: Hashes, others: Hashes, progress: Progress = SILENT) -> NDArray[np.bool_]:
        """Whether images show the same, pair by pair; all are here: [n].

        Raises:
            DataError: a store cannot be read.
        """
        if not len(ones):
            return np.zeros(0, bool)
        one, other = (self.descriptions(side, progress) for side in (ones, others))
        places = zip(self.places(ones), self.places(others), strict=True)
        tasks = [(one[n], other[n], *pair) for n, pair in enumerate(places)]
        workers = self.workers if len(tasks) > _AT_ONCE else 1
        verdicts = np.zeros(len(tasks), bool)
        with progress.task("compare pictures", len(tasks), "pairs") as bar:
            for number, verdict in enumerate(ordered_map(_same, tasks, workers, chunk=_AT_ONCE)):
                verdicts[number] = verdict
                bar.advance()
        return verdicts

    def _known(
        self,
        folder: Path,
        prefixes: Hashes,
        places: Sequence[tuple[int, int]],
        progress: Progress,
    ) -> Described:
        """The keypoints of images of one dataset, and maybe of more; read once."""
        known = self._described.get(folder)
        if known is None or (known.find(prefixes) < 0).any():
            known = described(folder, prefixes, places, self.workers, progress)
            self._described[folder] = known
        return known

    @cached_property
    def _index(self) -> tuple[Hashes, list[Place]]:
        """The prefixes and places of all images, in the same order."""
        columns = ["sha256", "image_id", "shard", "row"]
        prefixes, places = [np.empty(0, np.uint64)], []
        for folder in self._folders:
            for split in SPLITS:
                table = read_manifest(folder, split, columns)
                digests, *rest = (table.column(name).to_pylist() for name in columns)
                prefixes.append(sha256_prefixes(digests))
                places += [Place(folder, split, *each) for each in zip(*rest, strict=True)]
        return np.concatenate(prefixes), places


def _orientations(places: Sequence[Place]) -> Hashes:
    stores = {folder: Store(folder / STORE_FOLDER) for folder in {p.folder for p in places}}
    pictures = (stored_pixels(stores[p.folder], p.shard, p.row) for p in places)
    return np.array([orientation_hashes(pixels) for pixels in pictures], np.uint64)


def _same(task: tuple[Description, Description, Place, Place]) -> bool:
    one, other, place, other_place = task
    if min(len(one), len(other)) >= FEW_KEYPOINTS:
        return any(verify(one, other, mirror=mirror) is not None for mirror in (False, True))
    return correlated(place.pixels(), other_place.pixels())


def correlated(one: Pixels, other: Pixels) -> bool:
    """Whether two pictures correlate pixel by pixel in one of the eight orientations."""
    a, b = _standardised(one), _standardised(other)
    turned = [np.rot90(side, turns) for side in (b, b[:, ::-1]) for turns in range(4)]
    return max(float((a * side).mean()) for side in turned) >= _CORRELATION


def _standardised(pixels: Pixels) -> NDArray[np.float64]:
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    return np.asarray((small - small.mean()) / max(float(small.std()), 1e-6))
