"""The images of all splits of one or several prepared datasets, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.datasets.fingerprints import namespace
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.places import check_split
from dermctl.datasets.prepared import Split, load_split

Place = tuple[Path, int, int]
"""Folder of the dataset, shard and row of its store."""


@dataclass(frozen=True)
class Images:
    """Columns of [n] images; None is unknown.

    Args:
        image_ids: unique within a dataset.
        datasets: name of the dataset.
        splits: train, val or test.
        labels: class to be learned.
        patients, lesions: ids with their source before them, so that those of two sources never
            meet (`dermctl.datasets.fingerprints.namespace`).
        sha256s: of the source files.
        skin_types: 1 to 6.
        licenses, modalities: as in the manifest.
        sources: where the dataset is from.
        synthetic: whether the image is drawn by code.
        places: where its packed pixels lie.
    """

    image_ids: list[str]
    datasets: list[str]
    splits: list[str]
    labels: list[str | None]
    patients: list[str | None]
    lesions: list[str | None]
    sha256s: list[str]
    skin_types: list[int | None]
    licenses: list[str | None]
    modalities: list[str | None]
    sources: list[str]
    synthetic: list[bool]
    places: list[Place]

    def __len__(self) -> int:
        return len(self.image_ids)

    def rows_of(self, dataset: str) -> list[int]:
        """The rows of one dataset."""
        return [row for row, name in enumerate(self.datasets) if name == dataset]


def gather(folders: Sequence[Path]) -> Images:
    """Read the manifests of the datasets in ``folders``, in order.

    Raises:
        DataError: a manifest or the store is missing or damaged.
    """
    images = Images(*([] for _ in Images.__dataclass_fields__))
    for folder in folders:
        for name in SPLITS:
            split = load_split(folder, name)
            check_split(split)
            for column, values in _columns(split).items():
                getattr(images, column).extend(values)
    return images


def _columns(split: Split) -> dict[str, list[Any]]:
    source, count = namespace(split.description), len(split)
    shards, rows = split.column("shard"), split.column("row")
    return {
        "image_ids": split.column("image_id"),
        "datasets": [split.folder.name] * count,
        "splits": [split.name] * count,
        "labels": split.column("label"),
        "patients": _keyed(split.column("patient_id"), source),
        "lesions": _keyed(split.column("lesion_id"), source),
        "sha256s": split.column("sha256"),
        "skin_types": split.column("fitzpatrick"),
        "licenses": split.column("license"),
        "modalities": split.column("modality"),
        "sources": [str(split.description["source"])] * count,
        "synthetic": [bool(split.description["synthetic"])] * count,
        "places": [(split.folder, *place) for place in zip(shards, rows, strict=True)],
    }


def _keyed(ids: Sequence[str | None], source: str) -> list[str | None]:
    return [f"{source} {value}" if value else None for value in ids]
