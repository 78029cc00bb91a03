"""The leak check of an evaluation: of every model that takes part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dermctl.checkpoint import Checkpoint
from dermctl.core.gate import leak_words, leaked_file, look_for, pictures_here, refuse
from dermctl.datasets.prepared import Split
from dermctl.progress import SILENT, Progress
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class LeakCheck:
    """What is known of the images that the models have seen.

    Args:
        words: for every result.
        images: how many of those evaluated were seen by any of the models.
        clean: whether all that they have seen is known, and none of it is evaluated.
    """

    words: str
    images: int
    clean: bool


def check_exposure(
    workspace: Workspace,
    members: Sequence[Checkpoint],
    rows: Split,
    *,
    allow: bool,
    progress: Progress = SILENT,
) -> LeakCheck:
    """Compare the images with what each model has seen, and say it.

    Raises:
        LeakError: a model has seen some, and that is not allowed.
    """
    pictures = pictures_here(workspace, rows.folder, progress)
    listing = leaked_file(workspace, rows)
    words: list[str] = []
    leaked: set[int] = set()
    clean = True
    for each in members:
        seen = look_for(rows, each.exposure, pictures, progress)
        refuse(seen, each.path, allow=allow, listing=listing, progress=progress)
        words.append(leak_words(seen, each.about.leaks))
        leaked |= seen.reasons.keys()
        clean &= seen.clean and not each.about.leaks
    if len(members) > 1:
        words = [f"{each.path}: {text}" for each, text in zip(members, words, strict=True)]
    progress.say(f"leak check: {'; '.join(words)}")
    return LeakCheck("; ".join(words), len(leaked), clean)
