"""The gate: images that are evaluated are never trained on, nor chosen by.

``leave_out`` keeps held-out images from a training before it starts; ``look_for`` finds images
that a checkpoint has seen, and ``refuse`` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dermctl.datasets.fingerprints import (
    UNKNOWN_ID,
    Fingerprints,
    Hashes,
    fingerprints,
)
from dermctl.datasets.manifest import write_parquet
from dermctl.datasets.pictures import Pictures, propose
from dermctl.datasets.prepared import Split, load_split
from dermctl.errors import LeakError
from dermctl.exposure import Exposure
from dermctl.progress import SILENT, Progress
from dermctl.runs import is_main_process

LEFT_OUT_FILE = "left_out.parquet"
_REASONS = {"bytes": "same bytes", "patient": "same patient", "lesion": "same lesion"}
_PICTURE = "same picture"
_GROUP = "same group as one of these"
_NAMED = 5
"""Images that a message names."""

Reasons = dict[int, str]
"""Row → why it is tied to an image of the other side."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A split that no training may see, ready to be compared."""

    split: Split
    images: Fingerprints
    orientations: Hashes


@dataclass(frozen=True, eq=False)
class Seen:
    """What of a split a checkpoint has seen.

    Args:
        split: the split.
        reasons: of the rows that were seen.
        unverified: rows whose perceptual hash is near that of a seen image whose pixels are not
            in this workspace: perhaps the same picture, perhaps not.
        images: how many images the checkpoint's record holds.
        complete: whether the record is of all images that the weights have seen.
    """

    split: Split
    reasons: Reasons
    unverified: int
    images: int
    complete: bool

    @property
    def clean(self) -> bool:
        """Whether it is known that nothing was seen."""
        return self.complete and not self.reasons and not self.unverified

    def named(self) -> str:
        """How many were seen, and the first few of them."""
        ids = self.split.column("image_id")
        shown = [f"{ids[row]} ({why})" for row, why in sorted(self.reasons.items())[:_NAMED]]
        more = len(self.reasons) - len(shown)
        return (
            f"{len(self.reasons):,} of {len(self.split):,} images of "
            f"{self.split.folder.name}/{self.split.name} were seen by the checkpoint: "
            + ", ".join(shown)
            + (f" and {more:,} more" if more else "")
        )


def held_out(
    folders: Sequence[Path],
    names: Sequence[str],
    pictures: Pictures,
    progress: Progress = SILENT,
) -> list[HeldOut]:
    """The splits called ``names`` of the datasets in ``folders``, those with images."""
    splits = [load_split(folder, name) for folder in folders for name in names]
    return [_watched(split, pictures, progress) for split in splits if len(split)]


def _watched(split: Split, pictures: Pictures, progress: Progress) -> HeldOut:
    return HeldOut(split, fingerprints(split), pictures.orientations(split, progress))


def compare(
    watched: HeldOut, others: Fingerprints, pictures: Pictures
) -> tuple[Reasons, Reasons, set[int]]:
    """Find what ties held-out images to others.

    Returns:
        the tied rows of the held-out split, those of the others, and the held-out rows that
        could not be verified, as the pixels of the other image are not here.
    """
    here: Reasons = {}
    there: Reasons = {}
    for name, reason in _REASONS.items():
        own, foreign = watched.images.column(name), others.column(name)
        shared = np.intersect1d(own, foreign)
        shared = shared[shared != UNKNOWN_ID]
        _note(here, np.flatnonzero(np.isin(own, shared)), reason)
        _note(there, np.flatnonzero(np.isin(foreign, shared)), reason)
    unverified = set()
    prefixes, foreign = watched.images.column("bytes"), others.column("bytes")
    for one, other in propose(watched.orientations, others.column("picture")).tolist():
        if one in here and other in there:
            continue
        same = pictures.same(int(prefixes[one]), int(foreign[other]))
        if same is None:
            unverified.add(one)
        elif same:
            here.setdefault(one, _PICTURE)
            there.setdefault(other, _PICTURE)
    return here, there, unverified - here.keys()


def _note(reasons: Reasons, rows: np.ndarray, reason: str) -> None:
    for row in rows.tolist():
        reasons.setdefault(row, reason)


def look_for(
    split: Split, exposure: Exposure, pictures: Pictures, progress: Progress = SILENT
) -> Seen:
    """Which images of ``split`` weights have seen."""
    reasons: Reasons = {}
    unverified: set[int] = set()
    if len(exposure) and len(split):
        watched = _watched(split, pictures, progress)
        reasons, _, unverified = compare(watched, exposure.images, pictures)
    return Seen(split, reasons, len(unverified), len(exposure), exposure.complete)


def refuse(seen: Seen, checkpoint: str | Path, *, allow: bool, progress: Progress = SILENT) -> None:
    """Stop where images were seen, unless that is allowed, which is said.

    Raises:
        LeakError: naming the first few images, and how many there are.
    """
    if not seen.reasons:
        return
    if not allow:
        raise LeakError(
            seen.named(),
            where=checkpoint,
            hint="Take other weights or data; or --allow-leak, which will stand in every result",
        )
    progress.say(f"warning: --allow-leak: {seen.named()}")


def leak_words(seen: Seen, before: Sequence[str] = ()) -> str:
    """What is known of the overlap, for every result.

    Args:
        seen: what was found.
        before: leaks that were allowed when the weights were trained.
    """
    words = []
    if seen.reasons:
        words.append(f"failed, and allowed by --allow-leak: {seen.named()}")
    words += [f"failed before: {leak}" for leak in before]
    if seen.unverified:
        words.append(
            f"{seen.unverified:,} images have a perceptual hash near that of a seen image whose "
            "pixels are not in this workspace"
        )
    if not seen.complete:
        words.append(
            "exposure unknown: the weights, or those that they were trained from, hold no record "
            "of the images that they have seen"
        )
    if seen.images and not seen.reasons:
        words.append(
            f"none of the {len(seen.split):,} images shares bytes, patient, lesion or verified "
            f"pixels with the {seen.images:,} that are recorded as trained or selected on"
        )
    elif seen.clean:
        words.append("passed: the weights have seen no image")
    return "; ".join(words)


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Images that a training leaves out, as they are tied to held-out ones."""

    rows: tuple[tuple[str, str, str, str], ...]  # dataset, split, image id, reason

    def __len__(self) -> int:
        return len(self.rows)

    def counts(self) -> dict[str, int]:
        """Images by reason."""
        return dict(Counter(why for *_, why in self.rows).most_common())

    def to_json(self) -> dict[str, Any]:
        """For ``provenance.json``; the images themselves stand in ``left_out.parquet``."""
        return {"images": len(self), "reasons": self.counts()}

    def say(self, progress: Progress) -> None:
        """How many, and why."""
        if self.rows:
            why = ", ".join(f"{count:,} {reason}" for reason, count in self.counts().items())
            progress.say(f"left out, as held-out images are tied to them: {len(self):,} ({why})")

    def write(self, run: Path) -> None:
        """List them in the run's folder, where there are any."""
        if self.rows and is_main_process():
            names = ("dataset", "split", "image_id", "reason")
            columns = zip(*self.rows, strict=True)
            table = pa.table(dict(zip(names, (list(column) for column in columns), strict=True)))
            write_parquet(run / LEFT_OUT_FILE, table)


def leave_out(
    train: Sequence[Split], val: Sequence[Split], watched: Sequence[HeldOut], pictures: Pictures
) -> tuple[list[Split], list[Split], LeftOut]:
    """Leave out training images tied to held-out ones, and validation images tied to test ones.

    An image that goes takes its group with it: what ties one ties all.
    """
    tests = [each for each in watched if each.split.name == "test"]
    rows: list[tuple[str, str, str, str]] = []
    kept = [
        [_without(split, against, pictures, rows) for split in splits]
        for splits, against in ((train, watched), (val, tests))
    ]
    return kept[0], kept[1], LeftOut(tuple(rows))


def _without(
    split: Split,
    watched: Sequence[HeldOut],
    pictures: Pictures,
    rows: list[tuple[str, str, str, str]],
) -> Split:
    reasons: Reasons = {}
    images = fingerprints(split)
    for each in watched:
        _, tied, _ = compare(each, images, pictures)
        reasons = {**tied, **reasons}
    groups = split.column("group_id")
    tied_groups = {groups[row] for row in reasons}
    _note(reasons, np.flatnonzero([group in tied_groups for group in groups]), _GROUP)
    ids = split.column("image_id")
    rows += [(split.folder.name, split.name, ids[row], why) for row, why in sorted(reasons.items())]
    return split.where([row not in reasons for row in range(len(split))]) if reasons else split
