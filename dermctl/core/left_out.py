"""Keeping held-out images from a training before it starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dermctl.core.ties import find_ties
from dermctl.datasets.fingerprints import Fingerprints, fingerprints
from dermctl.datasets.manifest import SPLITS, write_parquet
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import TRAINING_COLUMNS, Split, load_split
from dermctl.errors import DataError
from dermctl.progress import SILENT, Progress
from dermctl.runs import is_main_process
from dermctl.workspace import Workspace

LEFT_OUT_FILE = "left_out.parquet"
GROUP = "same group as one of these"
_COLUMNS = ("dataset", "split", "image_id", "reason", "tied_to")


@dataclass(frozen=True)
class LeftOutImage:
    """An image that a training leaves out.

    Args:
        dataset: it is of.
        split: it is of, ``train`` or ``val``.
        image_id: its id.
        reason: what ties it.
        tied_to: the held-out image, as ``dataset/split/image_id``.
    """

    dataset: str
    split: str
    image_id: str
    reason: str
    tied_to: str


@dataclass(frozen=True)
class LeftOut:
    """Images that a training leaves out, as they are tied to held-out ones."""

    images: tuple[LeftOutImage, ...]

    def __len__(self) -> int:
        return len(self.images)

    def counts(self) -> dict[str, int]:
        """Images by reason, the most frequent first."""
        return dict(Counter(image.reason for image in self.images).most_common())

    def to_json(self) -> dict[str, Any]:
        """For ``provenance.json``; the images themselves stand in ``left_out.parquet``."""
        return {"images": len(self), "reasons": self.counts()}

    def say(self, progress: Progress) -> None:
        """How many, and why."""
        if self.images:
            why = ", ".join(f"{count:,} {reason}" for reason, count in self.counts().items())
            progress.say(
                f"left out, as held-out images are tied to them: {len(self):,} ({why}); a "
                f"training lists each in {LEFT_OUT_FILE} of its run"
            )

    def write(self, run: Path) -> None:
        """List them in the run's folder, where there are any."""
        if self.images and is_main_process():
            columns = {name: [getattr(image, name) for image in self.images] for name in _COLUMNS}
            write_parquet(run / LEFT_OUT_FILE, pa.table(columns))


def workspace_datasets(workspace: Workspace, also: Sequence[Path] = ()) -> list[Path]:
    """Folders of all datasets of the workspace, damaged ones too, and those given besides.

    A folder with any manifest counts, be its ``dataset.json`` lost: what it holds out must not be
    forgotten.
    """
    there = {path.parent for name in SPLITS for path in workspace.data.glob(f"*/{name}.parquet")}
    whole = workspace.datasets()
    damaged = sorted(folder for folder in there - {*whole} if folder.name[0] != ".")
    return list(dict.fromkeys([*whole, *damaged, *also]))


def held_out(folders: Sequence[Path], names: Sequence[str]) -> list[Split]:
    """The splits called ``names`` of the datasets in ``folders``, those with images.

    Raises:
        DataError: a dataset is damaged, so it cannot be known what it holds out.
    """
    return [split for folder in folders for name in names if len(split := _load(folder, name))]


def _load(folder: Path, name: str) -> Split:
    try:
        return load_split(folder, name, TRAINING_COLUMNS)
    except DataError as error:
        raise DataError(
            f"what the dataset '{folder.name}' holds out cannot be known: {error.what}",
            where=error.where,
            hint=f"{error.hint}; or, if it is not needed, move {folder} away",
        ) from error


def leave_out(
    train: Sequence[Split],
    val: Sequence[Split],
    watched: Sequence[Split],
    pictures: Pictures,
    progress: Progress = SILENT,
) -> tuple[list[Split], list[Split], LeftOut]:
    """Leave out training images tied to held-out ones, and validation images tied to test ones.

    An image that goes takes its group with it: what ties one ties all.

    Args:
        train: to be trained on.
        val: to choose by.
        watched: see :func:`held_out`.
        pictures: of all datasets concerned.
        progress: where pictures are counted.

    Returns:
        what is left of ``train`` and of ``val``, and what is not.
    """
    tests = [split for split in watched if split.name == "test"]
    kept_train, left_train = _without(train, watched, pictures, progress)
    kept_val, left_val = _without(val, tests, pictures, progress)
    return kept_train, kept_val, LeftOut((*left_train, *left_val))


def _without(
    splits: Sequence[Split], watched: Sequence[Split], pictures: Pictures, progress: Progress
) -> tuple[list[Split], list[LeftOutImage]]:
    if not splits or not watched:
        return list(splits), []
    ties = find_ties(
        Fingerprints(np.concatenate([fingerprints(split).values for split in splits])),
        Fingerprints(np.concatenate([fingerprints(split).values for split in watched])),
        pictures,
        progress,
    )
    names = [
        f"{split.folder.name}/{split.name}/{image_id}"
        for split in watched
        for image_id in split.column("image_id")
    ]
    kept, gone, first = [], [], 0
    for split in splits:
        own = {
            row - first: (tie.reason, names[tie.other])
            for row, tie in ties.found.items()
            if first <= row < first + len(split)
        }
        first += len(split)
        mates = group_mates(split, own)
        own |= {row: (GROUP, own[mate][1]) for row, mate in mates.items()}
        ids = split.column("image_id")
        where = split.folder.name, split.name
        gone += [LeftOutImage(*where, ids[row], *why) for row, why in sorted(own.items())]
        keep = np.ones(len(split), bool)
        keep[list(own)] = False
        kept.append(split.where(keep) if own else split)
    return kept, gone


def group_mates(split: Split, rows: Collection[int]) -> dict[int, int]:
    """Rows that share a group with one of ``rows``, and are not among them → the first of those."""
    groups = split.column("group_id")
    first = {groups[row]: row for row in sorted(rows, reverse=True)}
    return {
        row: first[group] for row, group in enumerate(groups) if group in first and row not in rows
    }
