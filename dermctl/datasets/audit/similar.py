"""The pairs of images that show the same skin: as stored, or searched for over every core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dermctl.datasets.audit.gathered import Images
from dermctl.datasets.descriptors import described
from dermctl.datasets.fingerprints import sha256_prefixes
from dermctl.datasets.near_duplicates import Descriptions, find_near_duplicates
from dermctl.datasets.near_duplicates.table import (
    NEAR_DUPLICATES_FILE,
    PUBLISHED,
    Link,
    NearDuplicates,
    read_near_duplicates,
)
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Similar:
    """Two images that show the same skin.

    Args:
        one, other: their rows.
        link: how the one lies on the other.
    """

    one: int
    other: int
    link: Link

    def words(self) -> str:
        """What the one must undergo to lie on the other."""
        link = self.link
        if link.kind == PUBLISHED:
            return "the publisher lists them as duplicates"
        words = [link.kind]
        if link.mirrored:
            words.append("mirrored")
        if link.turn is not None and abs(link.turn) >= 1:
            words.append(f"turned by {link.turn:.0f}°")
        if link.scale is not None and abs(link.scale - 1) >= 0.02:
            words.append(f"scaled by {link.scale:.2f}")
        return ", ".join(words)


def within(
    images: Images, folder: Path, workers: int | None, progress: Progress = SILENT
) -> list[Similar]:
    """The pairs within the dataset in ``folder``: those it stores, or searched for where it none.

    Raises:
        DataError: its table or its store is damaged.
    """
    rows = images.rows_of(folder.name)
    ids = [images.image_ids[row] for row in rows]
    stored = NearDuplicates(searched=False)
    if (folder / NEAR_DUPLICATES_FILE).is_file():
        stored = read_near_duplicates(folder)
    links = list(stored.links)
    if not stored.searched:
        progress.say(f"'{folder.name}' has no near-duplicates stored: they are searched for")
        found = find_near_duplicates(
            _descriptions(images, folder, rows, workers, progress),
            workers=workers,
            progress=progress,
        )
        links += [Link.found(pair, ids) for pair in found]
    row_of = dict(zip(ids, rows, strict=True))
    pairs = {
        frozenset((link.image_id, link.other_id)): Similar(
            row_of[link.image_id], row_of[link.other_id], link
        )
        for link in links
        if link.image_id in row_of and link.other_id in row_of
    }
    return sorted(pairs.values(), key=_rows)


def across(
    images: Images,
    one: Path,
    other: Path,
    workers: int | None,
    progress: Progress = SILENT,
) -> list[Similar]:
    """The pairs between the datasets in two folders.

    Raises:
        DataError: a store is damaged.
    """
    folders = (one, other)
    rows = [images.rows_of(folder.name) for folder in folders]
    parts = [
        _descriptions(images, folder, own, workers, progress)
        for folder, own in zip(folders, rows, strict=True)
    ]
    every = [*rows[0], *rows[1]]
    ids = [images.image_ids[row] for row in every]
    found = find_near_duplicates(
        Descriptions.concatenate(parts),
        skip_within=np.repeat([0, 1], [len(own) for own in rows]),
        workers=workers,
        progress=progress,
    )
    pairs = [Similar(every[p.i], every[p.j], Link.found(p, ids)) for p in found]
    return sorted(pairs, key=_rows)


def _rows(pair: Similar) -> tuple[int, int]:
    return pair.one, pair.other


def _descriptions(
    images: Images, folder: Path, rows: Sequence[int], workers: int | None, progress: Progress
) -> Descriptions:
    prefixes = sha256_prefixes([images.sha256s[row] for row in rows])
    places = [images.places[row][1:] for row in rows]
    return described(folder, prefixes, places, workers, progress).take(prefixes)
