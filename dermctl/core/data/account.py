"""What came of a preparation: the result of the command, and what is written about the dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl import __version__
from dermctl.core.data.likeness import Joined
from dermctl.datasets.division import Recipe
from dermctl.datasets.exclusion import Exclusion
from dermctl.datasets.manifest import MANIFEST_VERSION
from dermctl.datasets.sources.base import Source
from dermctl.datasets.synthetic.folder import LICENSE as SYNTHETIC_LICENSE


@dataclass(frozen=True)
class Prepared:
    """What came of it. Rows in = kept + rejected, always."""

    name: str
    folder: Path
    rows: int
    kept: int
    rejected: Mapping[str, int]
    noted: Mapping[str, int]
    table_faults: Mapping[str, int]
    exclusions: Sequence[Exclusion]
    near_duplicates: Joined
    counts: Mapping[str, Mapping[str, int]]  # split -> class -> images
    groups: Mapping[str, int]  # split -> groups
    untestable: Mapping[str, int]
    label: str | None
    synthetic: bool
    target: Mapping[str, Any] | None = None  # how labels were mapped; None: they are a column's

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "rows": self.rows,
            "kept": self.kept,
            "rejected": dict(self.rejected),
            "noted": dict(self.noted),
            "table_faults": dict(self.table_faults),
            "exclusions": [exclusion.to_json() for exclusion in self.exclusions],
            "near_duplicates": self.near_duplicates.to_json(),
            "splits": {split: dict(counts) for split, counts in self.counts.items()},
            "groups": dict(self.groups),
            "untestable": dict(self.untestable),
            "label": self.label,
            "target": self.target,
            "synthetic": self.synthetic,
        }


def description(
    prepared: Prepared,
    source: Source,
    size: int,
    recipe: Recipe,
    labels: Sequence[str | None],
) -> dict[str, Any]:
    """What holds for the whole dataset: written into each manifest and into dataset.json.

    Args:
        prepared: what came of it.
        source: where it is from.
        size: short side of the packed images, in pixels.
        recipe: how it is divided.
        labels: of the images that are kept.
    """
    return {
        "manifest_version": MANIFEST_VERSION,
        "dermctl": __version__,
        "name": prepared.name,
        "source": source.name,
        "title": source.title,
        "label": prepared.label,
        "target": prepared.target,
        "classes": sorted({label for label in labels if label is not None}),
        "untestable": dict(prepared.untestable),
        "split": recipe.to_json(),
        "size": size,
        # Drawn images only borrow the layout of a source: no patient's licence or paper holds.
        "license": SYNTHETIC_LICENSE if prepared.synthetic else source.license,
        "citation": "" if prepared.synthetic else source.citation,
        "synthetic": prepared.synthetic,
    }
