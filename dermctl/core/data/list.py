"""``data list``: known sources and prepared datasets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dermctl.datasets.manifest import SPLITS, read_manifest
from dermctl.datasets.sources.base import Source
from dermctl.datasets.sources.registry import SOURCES
from dermctl.datasets.store import STORE_FOLDER
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
class DamagedDataset:
    """A folder of a dataset that cannot be described, and why."""

    folder: Path
    what: str


@dataclass(frozen=True)
class Listing:
    """What there is."""

    sources: tuple[Source, ...]
    prepared: tuple[PreparedDataset, ...]
    damaged: tuple[DamagedDataset, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "sources": [
                {fact: getattr(source, fact) for fact in _SOURCE_FACTS} for source in self.sources
            ],
            "prepared": [asdict(dataset) for dataset in self.prepared],
            "damaged": [{"folder": str(one.folder), "what": one.what} for one in self.damaged],
        }


def list_data(workspace: Workspace) -> Listing:
    """All sources that are known, and all datasets prepared in the workspace.

    A damaged one keeps no other from being listed.
    """
    prepared, damaged = [], []
    for folder in workspace.datasets():
        try:
            described = describe_dataset(folder)
            _check_files(folder)
        except DataError as error:
            damaged.append(DamagedDataset(folder, str(error)))
        else:
            prepared.append(described)
    return Listing(tuple(SOURCES.values()), tuple(prepared), tuple(damaged))


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


def _check_files(folder: Path) -> None:
    """Whether the manifests and the store are there; `data check` looks at all that is in them."""
    for split in SPLITS:
        read_manifest(folder, split, ["image_id"])
    if not (folder / STORE_FOLDER).is_dir():
        raise DataError(
            "the store is missing",
            where=folder / STORE_FOLDER,
            hint=f"Prepare it again with: dermctl data prepare … --name {folder.name}",
        )
