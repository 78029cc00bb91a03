"""The split of a dataset that is there already, so that preparing it again keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from dermctl.datasets.division import Recipe, Rows, keeps_its_split, published_splits
from dermctl.datasets.history import Withdrawal
from dermctl.datasets.manifest import SPLITS, read_manifest
from dermctl.datasets.remembered import History, read_history
from dermctl.errors import DataError
from dermctl.progress import Progress
from dermctl.workspace import DATASET_FILE


@dataclass(frozen=True)
class Past:
    """What a dataset was before it is prepared again.

    Args:
        recipe: how it was divided; None: there was none.
        history: where its images were, those that it lacked at last too.
    """

    recipe: Recipe | None = None
    history: History = field(default_factory=History)

    @property
    def splits(self) -> Mapping[str, str]:
        """Image id -> its split, or ``WITHDRAWN``."""
        return self.history.splits

    def explain(self, gone: Withdrawal) -> str:
        """Why an image is withdrawn: the reason of the first time, where it is not the first."""
        return self.history.why.get(gone.image_id, gone.detail)


def read_past(folder: Path, source: str) -> Past:
    """The past of the dataset in ``folder``; empty where there is none from the same source.

    Raises:
        DataError: a dataset is there and its split cannot be read: it is not drawn anew unasked.
    """
    if not (folder / DATASET_FILE).is_file():
        return Past()
    try:
        document = json.loads((folder / DATASET_FILE).read_text(encoding="utf-8"))
        if document["source"] != source:
            return Past()
        recipe = Recipe.from_json(document["split"])
        splits = {
            image_id: split
            for split in SPLITS
            for image_id in read_manifest(folder, split, ["image_id"]).column(0).to_pylist()
        }
        history = read_history(folder)
    except (DataError, pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"the split of the dataset that is there cannot be read ({error})",
            where=folder,
            hint="Put the damaged file back, or remove that folder to draw a new split",
        ) from error
    return Past(recipe, history.grown(splits, ()))


def continued_recipe(
    name: str,
    past: Past,
    rows: Rows,
    val: float | None,
    test: float | None,
    seed: int | None,
    *,
    near_duplicates: bool,
    progress: Progress,
) -> Recipe:
    """How to divide the dataset ``name``; what is taken from before or the publisher is said.

    Args:
        name: of the dataset.
        past: what it was.
        rows: what is to be divided.
        val, test, seed: what is asked for; None: as before.
        near_duplicates: whether they are searched for.
        progress: where to say it.
    """
    recipe = (past.recipe or Recipe()).changed(val, test, seed)
    published = {*recipe.official, *published_splits(rows.official)}
    recipe = replace(
        recipe,
        official=tuple(split for split in SPLITS if split in published),
        near_duplicates=near_duplicates,
    )
    if past.recipe is not None:
        keeping = keeps_its_split(past.splits, rows.image_ids)
        new = len(rows.image_ids) - keeping
        progress.say(
            f"'{name}' is there already: its {keeping:,} images keep their split, {new:,} others "
            f"fill what is short ({recipe}); draw anew with: dermctl data split {name}"
        )
    elif recipe.official:
        progress.say(f"the source's own split is kept: {', '.join(recipe.official)}")
    return recipe
