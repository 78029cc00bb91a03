"""The keypoints of a dataset's pictures, kept so that they are sought once: ``descriptors.npz``.

To find keypoints costs twenty times what it costs to decode a packed picture. So ``data prepare``
leaves them beside the manifests, about 4 KB an image, and whoever compares pictures reads them
there. An image is found by the first 8 bytes of its file's SHA-256: the file serves whatever the
split, and loses nothing but time when it is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.near_duplicates import Description, Descriptions
from dermctl.datasets.near_duplicates.stored import describe_stored
from dermctl.datasets.store import STORE_FOLDER
from dermctl.files import replacing
from dermctl.progress import SILENT, Progress

DESCRIPTORS_FILE = "descriptors.npz"
_FORMAT = 1
Prefixes = NDArray[np.uint64]
"""The first 8 bytes of each image file's SHA-256, as numbers: [n]."""
Place = tuple[int, int]
"""Shard and row of a picture in its dataset's store."""


@dataclass(frozen=True, eq=False)
class Described:
    """The keypoints of n pictures, each under the prefix of its file's SHA-256."""

    prefixes: Prefixes
    descriptions: Descriptions

    @classmethod
    def nothing(cls) -> Described:
        """Of no pictures."""
        return cls(np.empty(0, np.uint64), Descriptions.gather([]))

    def find(self, prefixes: Prefixes) -> NDArray[np.int64]:
        """The row of each picture, or -1 where it is not among these."""
        return find_values(prefixes, self.prefixes)

    def take(self, prefixes: Prefixes) -> Descriptions:
        """The keypoints of pictures that are all among these, in order."""
        return take_descriptions(self.descriptions, self.find(prefixes))


def find_values(wanted: Prefixes, among: Prefixes) -> NDArray[np.int64]:
    """For each wanted value the first place among others that holds it, or -1."""
    if not len(among):
        return np.full(len(wanted), -1)
    order = np.argsort(among, kind="stable")
    ordered = among[order]
    at = np.minimum(np.searchsorted(ordered, wanted), len(among) - 1)
    return np.where(ordered[at] == wanted, order[at], -1)


def take_descriptions(descriptions: Descriptions, rows: NDArray[np.int64]) -> Descriptions:
    """Those of some pictures, in the order of ``rows``."""
    starts = descriptions.offsets[rows]
    sizes = descriptions.offsets[rows + 1] - starts
    ends = np.cumsum(sizes)
    keypoints = np.arange(sizes.sum()) + np.repeat(starts - (ends - sizes), sizes)
    return Descriptions(
        descriptions.points[keypoints],
        descriptions.codes[keypoints],
        np.concatenate([[0], ends]).astype(np.int64),
    )


def write_described(folder: Path, described: Described) -> None:
    """Keep the keypoints of the dataset in ``folder``, in place of those that are there."""
    found = described.descriptions
    with replacing(folder / DESCRIPTORS_FILE) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            format=np.array(_FORMAT),
            prefixes=described.prefixes,
            points=found.points,
            codes=found.codes,
            offsets=found.offsets,
        )


def keep_described(
    folder: Path, prefixes: Prefixes, descriptions: Iterable[Description | None]
) -> None:
    """Keep the keypoints that were found while the dataset in ``folder`` was prepared.

    Args:
        folder: of the dataset.
        prefixes: [n] of its images.
        descriptions: of each of them; None where keypoints were not sought.
    """
    found = list(descriptions)
    known = [row for row, description in enumerate(found) if description is not None]
    if known:
        gathered = Descriptions.gather(each for each in found if each is not None)
        write_described(folder, Described(prefixes[known], gathered))


def read_described(folder: Path) -> Described:
    """What is kept of the dataset in ``folder``; nothing where none is, or not of this version."""
    path = folder / DESCRIPTORS_FILE
    if not path.is_file():
        return Described.nothing()
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if int(arrays["format"]) != _FORMAT:
                return Described.nothing()
            found = Descriptions(arrays["points"], arrays["codes"], arrays["offsets"])
            described = Described(arrays["prefixes"], found)
    except (OSError, EOFError, BadZipFile, ValueError, KeyError):
        return Described.nothing()  # it is sought again, and this file replaced
    return described if len(described.prefixes) == len(found) else Described.nothing()


def described(
    folder: Path,
    prefixes: Prefixes,
    places: Sequence[Place],
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Described:
    """The keypoints of images of the dataset in ``folder``; those not kept yet are sought and kept.

    Args:
        folder: of the dataset.
        prefixes: [n] of the images.
        places: of each of them in the store.
        workers: processes; None means one for each CPU core.
        progress: one unit a picture whose keypoints are sought.

    Returns:
        those of these images, and maybe of more.

    Raises:
        DataError: a picture of the store cannot be read.
    """
    kept = read_described(folder)
    missing = np.flatnonzero(kept.find(prefixes) < 0)
    if not len(missing):
        return kept
    sought = [places[row] for row in missing.tolist()]
    found = describe_stored(folder / STORE_FOLDER, sought, workers, progress)
    both = Described(
        np.concatenate([kept.prefixes, prefixes[missing]]),
        Descriptions.concatenate([kept.descriptions, found]),
    )
    try:
        write_described(folder, both)
    except OSError as error:
        progress.say(
            f"the keypoints of '{folder.name}' cannot be kept, and will be sought again each time "
            f"({error.strerror or error}: {folder / DESCRIPTORS_FILE})"
        )
    return both
