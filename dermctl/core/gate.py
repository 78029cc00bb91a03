"""The gate: images that are evaluated are never trained on, nor chosen by.

``look_for`` finds images that a checkpoint has seen, ``refuse`` says so and stops. What keeps
held-out images from a training in the first place is :mod:`dermctl.core.left_out`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

from dermctl.core.left_out import GROUP, group_mates, workspace_datasets
from dermctl.core.ties import Ties, find_ties
from dermctl.datasets.fingerprints import fingerprints
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.places import check_split
from dermctl.datasets.prepared import TRAINING_COLUMNS, Split, load_split
from dermctl.errors import DataError, LeakError
from dermctl.exposure import Exposure
from dermctl.files import write_text
from dermctl.progress import SILENT, Progress
from dermctl.runs import is_main_process
from dermctl.workspace import Workspace

UNVERIFIED = "perceptual hash near that of a seen image whose pixels are not in this workspace"
_TRAINED, _SELECTED = "trained on", "selected on"
_NAMED = 5
"""Images that a message names."""
_COLUMNS = ("image_id", "dataset", "split", "reason", "role", "tied_to")


@dataclass(frozen=True)
class SeenImage:
    """An image that a checkpoint has seen, itself or what is tied to it.

    Args:
        image_id: its id.
        reason: what ties it to the seen image.
        role: whether the weights were trained on that one, or only selected on it.
        tied_to: that one, where it is in this workspace.
    """

    image_id: str
    reason: str
    role: str
    tied_to: str = ""

    def __str__(self) -> str:
        like = f" as {self.tied_to}" if self.tied_to and self.reason != "same bytes" else ""
        return f"{self.image_id} ({self.reason}{like}, {self.role})"


@dataclass(frozen=True, eq=False)
class Seen:
    """What of a split a checkpoint has seen.

    Args:
        split: the split.
        found: row → what was seen.
        unsure: row → the same for rows whose perceptual hash is near that of a seen image whose
            pixels are not in this workspace: perhaps the same picture, perhaps not.
        images: how many images the checkpoint's record holds.
        complete: whether the record is of all images that the weights have seen.
    """

    split: Split
    images: int
    complete: bool
    found: Mapping[int, SeenImage] = field(default_factory=dict)
    unsure: Mapping[int, SeenImage] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[int, str]:
        """Row → why it counts as seen."""
        return {row: image.reason for row, image in self.found.items()}

    @property
    def unverified(self) -> int:
        """How many images may have been seen, or not."""
        return len(self.unsure)

    @property
    def clean(self) -> bool:
        """Whether it is known that nothing was seen."""
        return self.complete and not self.found and not self.unsure

    def named(self) -> str:
        """How many were seen, and the first few of them."""
        shown = [str(image) for _, image in sorted(self.found.items())[:_NAMED]]
        more = len(self.found) - len(shown)
        return (
            f"{len(self.found):,} of {len(self.split):,} images of "
            f"{self.split.folder.name}/{self.split.name} were seen by the checkpoint: "
            + ", ".join(shown)
            + (f" and {more:,} more" if more else "")
        )

    def write(self, path: Path) -> None:
        """List all that was or may have been seen: a table that ``prepare --exclude`` takes too."""
        text = StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(_COLUMNS)
        where = self.split.folder.name, self.split.name
        for _, image in (*sorted(self.found.items()), *sorted(self.unsure.items())):
            rows.writerow((image.image_id, *where, image.reason, image.role, image.tied_to))
        write_text(path, text.getvalue())


def pictures_here(workspace: Workspace, folder: Path, progress: Progress = SILENT) -> Pictures:
    """The pictures of the dataset in ``folder`` and of all others of the workspace.

    Others that are damaged are left out, which is said: a seen image that lies there cannot be
    compared by its pixels.
    """
    others = [other for other in workspace_datasets(workspace) if other != folder]
    readable = []
    for other in others:
        try:
            for name in SPLITS:
                check_split(load_split(other, name, TRAINING_COLUMNS))
        except DataError as error:
            progress.say(
                f"warning: the pictures of the dataset '{other.name}' cannot be compared: {error}"
            )
            continue
        readable.append(other)
    return Pictures([folder, *readable])


def look_for(
    split: Split, exposure: Exposure, pictures: Pictures, progress: Progress = SILENT
) -> Seen:
    """Which images of ``split`` weights have seen; an image that was takes its group with it.

    Raises:
        DataError: a store cannot be read.
    """
    ties = find_ties(fingerprints(split), exposure.images, pictures, progress)
    ids = split.column("image_id")
    found = _seen_images(ties, ids, exposure, pictures)
    for row, mate in group_mates(split, found).items():
        found[row] = replace(found[mate], image_id=ids[row], reason=GROUP)
    unsure = {
        row: SeenImage(ids[row], UNVERIFIED, _role(exposure, other))
        for row, other in ties.unverified.items()
        if row not in found
    }
    return Seen(split, len(exposure), exposure.complete, found, unsure)


def _seen_images(
    ties: Ties, ids: Sequence[str], exposure: Exposure, pictures: Pictures
) -> dict[int, SeenImage]:
    rows = list(ties.found)
    prefixes = exposure.images.column("bytes")[[ties.found[row].other for row in rows]]
    names = pictures.names(prefixes)
    return {
        row: SeenImage(ids[row], tie.reason, _role(exposure, tie.other), name)
        for (row, tie), name in zip(ties.found.items(), names, strict=True)
    }


def _role(exposure: Exposure, row: int) -> str:
    return _TRAINED if exposure.trained[row] else _SELECTED


def leaked_file(workspace: Workspace, split: Split) -> Path:
    """Where a refusal lists all images that were seen."""
    return workspace.runs / f"leaked-{split.folder.name}-{split.name}.csv"


def refuse(
    seen: Seen,
    checkpoint: str | Path,
    *,
    allow: bool,
    listing: Path | None = None,
    progress: Progress = SILENT,
) -> None:
    """Stop where images were seen, unless that is allowed, which is said.

    Args:
        seen: what was found.
        checkpoint: whose weights have seen them.
        allow: whether to go on.
        listing: where to list all of them when it stops.
        progress: where a permission is said.

    Raises:
        LeakError: naming the first few images, how many there are, and the list of all.
    """
    if not seen.found:
        return
    if allow:
        progress.say(f"warning: --allow-leak: {seen.named()}")
        return
    listed = ""
    if listing is not None:
        if is_main_process():
            seen.write(listing)
        listed = f"All are listed in {listing}, a file that data prepare --exclude takes. "
    raise LeakError(
        seen.named(),
        where=checkpoint,
        hint=f"{listed}Take other weights or data; or --allow-leak, which will stand in every "
        "result",
    )


def leak_words(seen: Seen, before: Sequence[str] = (), *, own: bool = False) -> str:
    """What is known of the overlap, for every result.

    Args:
        seen: what was found.
        before: leaks that were allowed when the weights were trained.
        own: whether the split is one that the model was trained or selected on.
    """
    words = []
    if seen.found:
        why = "no held-out images" if own else "failed, and allowed by --allow-leak"
        words.append(f"{why}: {seen.named()}")
    words += [f"failed before: {leak}" for leak in before]
    if seen.unsure:
        words.append(f"not verified: {len(seen.unsure):,} images have a {UNVERIFIED}")
    if not seen.complete:
        words.append(
            "exposure unknown: the weights, or those that they were trained from, hold no record "
            "of the images that they have seen"
        )
    if seen.images and not seen.found:
        words.append(
            f"none of the {len(seen.split):,} images shares bytes, patient, lesion or verified "
            f"pixels with the {seen.images:,} that are recorded as trained or selected on"
        )
    elif seen.clean:
        words.append("passed: the weights have seen no image")
    return "; ".join(words)
