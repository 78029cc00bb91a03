"""``data list``: known sources and prepared datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermctl.datasets.sources.base import Source
from dermctl.datasets.sources.registry import SOURCES
from dermctl.errors import DataError
from dermctl.workspace import DATASET_FILE, Workspace

_SOURCE_FACTS = (
    "name",
    "title",
    "homepage",
    "license",
    "citation",
    "size",
    "access",
    "how_to_get",
    "layout",
    "default_label",
    "label_columns",
)


@dataclass(frozen=True)
class PreparedDataset:
    """One prepared dataset, in a line."""

    name: str
    source: str
    label: str | None
    classes: int
    images: Mapping[str, int]
    rejected: int
    synthetic: bool


@dataclass(frozen=True)
class Listing:
    """What there is."""

    sources: tuple[Source, ...]
    prepared: tuple[PreparedDataset, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "sources": [
                {fact: getattr(source, fact) for fact in _SOURCE_FACTS} for source in self.sources
            ],
            "prepared": [asdict(dataset) for dataset in self.prepared],
        }


def list_data(workspace: Workspace) -> Listing:
    """All sources that are known, and all datasets prepared in the workspace."""
    prepared = tuple(describe_dataset(folder) for folder in workspace.datasets())
    return Listing(tuple(SOURCES.values()), prepared)


def describe_dataset(folder: Path) -> PreparedDataset:
    """A prepared dataset as its dataset.json says.

    Raises:
        DataError: when that file is damaged.
    """
    path = folder / DATASET_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return PreparedDataset(
            name=document["name"],
            source=document["source"],
            label=document["label"],
            classes=len(document["classes"]),
            images={split: sum(counts.values()) for split, counts in document["splits"].items()},
            rejected=sum(document["rejected"].values()),
            synthetic=document["synthetic"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"cannot be read ({type(error).__name__}: {error})",
            where=path,
            hint=f"Prepare it again with: dermctl data prepare … --name {folder.name}",
        ) from error
