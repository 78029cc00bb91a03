"""The leak check of an evaluation: of every model that takes part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from dermctl.checkpoint import Checkpoint
from dermctl.core.gate import Seen, leak_words, leaked_file, look_for, pictures_here, refuse
from dermctl.datasets.prepared import Split
from dermctl.exposure import Exposure
from dermctl.progress import SILENT, Progress
from dermctl.workspace import Workspace

SEEN_FILE = "seen_images"
"""Where the images that were seen are listed, beside the results."""


@dataclass(frozen=True)
class LeakCheck:
    """What is known of the images that the models have seen.

    Args:
        words: for every result.
        images: how many of those evaluated were seen by any of the models.
        clean: whether all that they have seen is known, and none of it is evaluated.
        exposure: whether it is known what they have seen, and how many images that is.
        seen: what each of them has seen.
    """

    words: str
    images: int
    clean: bool
    exposure: dict[str, Any]
    seen: tuple[Seen, ...] = ()

    def write(self, folder: Path) -> None:
        """List the images that were let pass, or may have been seen, beside the results."""
        for number, seen in enumerate(self.seen):
            if seen.found or seen.unsure:
                name = f"{SEEN_FILE}-{number}" if number else SEEN_FILE
                seen.write(folder / f"{name}.csv")


def check_exposure(
    workspace: Workspace,
    members: Sequence[Checkpoint],
    rows: Split,
    *,
    allow: bool,
    progress: Progress = SILENT,
) -> LeakCheck:
    """Compare the images with what each model has seen, and say it.

    A split that a model was itself trained or selected on, asked for by name, is no test: that its
    images were seen stands in the results, and nothing is refused.

    Raises:
        LeakError: a model has seen some, and that is not allowed.
    """
    pictures = pictures_here(workspace, rows.folder, progress)
    listing = leaked_file(workspace, rows)
    words: list[str] = []
    found: list[Seen] = []
    leaked: set[int] = set()
    clean = True
    for each in members:
        seen = look_for(rows, each.exposure, pictures, progress)
        own = f"{rows.folder.name}/{rows.name}" in each.about.manifests
        if not own:
            refuse(seen, each.path, allow=allow, listing=listing, progress=progress)
        found.append(seen)
        words.append(leak_words(seen, each.about.leaks, own=own))
        leaked |= seen.reasons.keys()
        clean &= seen.clean and not each.about.leaks
    if len(members) > 1:
        words = [f"{each.path}: {text}" for each, text in zip(members, words, strict=True)]
    progress.say(f"leak check: {'; '.join(words)}")
    exposure = reduce(Exposure.merged, (each.exposure for each in members))
    return LeakCheck("; ".join(words), len(leaked), clean, exposure.to_json(), tuple(found))
