"""Describing the packed pictures of a store, for datasets that are compared with each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from dermctl.datasets.near_duplicates.describe import Description, Descriptions, describe
from dermctl.datasets.pool import ordered_map
from dermctl.datasets.store import Store
from dermctl.datasets.stored_pixels import stored_pixels
from dermctl.progress import SILENT, Progress

_AT_ONCE = 64
"""Pictures of one task: a worker opens the store once a task."""


def describe_stored(
    store: Path,
    places: Sequence[tuple[int, int]],
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Descriptions:
    """Describe the packed pictures at ``places``, in order.

    Args:
        store: folder of the store.
        places: shard and row of each picture.
        workers: processes; None means one for each CPU core.
        progress: one unit a picture.

    Raises:
        DataError: a shard is missing or damaged, or a picture in it.
    """
    tasks = [places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE)]
    found: list[Description] = []
    with progress.task("describe", len(places)) as bar:
        for part in ordered_map(partial(_describe, store), tasks, workers, chunk=1):
            found += part
            bar.advance(len(part))
    return Descriptions.gather(found)


def _describe(folder: Path, places: Sequence[tuple[int, int]]) -> list[Description]:
    store = Store(folder)
    return [describe(stored_pixels(store, *place)) for place in places]
