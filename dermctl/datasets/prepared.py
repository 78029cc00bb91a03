"""Prepared datasets as the trainings read them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.datasets.manifest import manifest_description, read_manifest
from dermctl.files import settle


@dataclass(frozen=True)
class Split:
    """One split of one dataset.

    Args:
        folder: of the dataset.
        name: ``train``, ``val`` or ``test``.
        table: the manifest.
        description: what holds for the whole dataset, from the manifest's metadata.
        sha256: of the manifest's file.
    """

    folder: Path
    name: str
    table: pa.Table
    description: dict[str, Any]
    sha256: str

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def column(self, name: str) -> list[Any]:
        """One column as a list; None where a value is unknown."""
        values: list[Any] = self.table.column(name).to_pylist()
        return values

    def where(self, keep: Sequence[bool]) -> Split:
        """The rows for which ``keep`` is true."""
        table = self.table.filter(pa.array(keep, pa.bool_()))
        return Split(self.folder, self.name, table, self.description, self.sha256)


def load_split(folder: Path, name: str) -> Split:
    """Read one split of the dataset in ``folder``.

    Raises:
        DataError: when its manifest is missing or damaged.
    """
    settle(folder)
    table = read_manifest(folder, name)
    digest = hashlib.sha256((folder / f"{name}.parquet").read_bytes()).hexdigest()
    return Split(folder, name, table, manifest_description(table), digest)
