"""The split of a dataset that is there already, so that preparing it again keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.core.data.check import REJECTED
from dermctl.datasets.division import Recipe
from dermctl.datasets.history import LEAK, WITHDRAWN
from dermctl.datasets.manifest import SPLITS, read_manifest
from dermctl.errors import DataError
from dermctl.workspace import DATASET_FILE


@dataclass(frozen=True)
class Past:
    """What a dataset was before it is prepared again.

    Args:
        recipe: how it was divided; None: there was none.
        splits: image id -> its split, or ``WITHDRAWN``.
        why: image id -> why it was withdrawn.
    """

    recipe: Recipe | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)


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
        rejected = pq.read_table(folder / REJECTED, columns=["image_id", "reason", "detail"])
    except (DataError, pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"the split of the dataset that is there cannot be read ({error})",
            where=folder,
            hint="Put the damaged file back, or remove that folder to draw a new split",
        ) from error
    why = {
        row["image_id"]: row["detail"]
        for row in rejected.to_pylist()
        if row["reason"] == LEAK and row["image_id"] not in splits
    }
    return Past(recipe, {**splits, **dict.fromkeys(why, WITHDRAWN)}, why)
