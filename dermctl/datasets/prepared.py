"""Prepared datasets as the trainings read them."""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dermctl.datasets.columns import Codes, Strings, codes
from dermctl.datasets.manifest import manifest_description, read_manifest
from dermctl.files import settle

TRAINING_COLUMNS = (
    *("image_id", "dataset", "label", "patient_id", "lesion_id", "group_id"),
    *("sha256", "phash", "width", "height", "shard", "row"),
)
"""What a training without metadata reads of a manifest, and the gate before it."""


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

    def strings(self, name: str) -> Strings:
        """A column of strings without nulls, each made when it is asked for."""
        return Strings(self.table.column(name))

    def codes(self, name: str) -> Codes:
        """A column as numbers that are equal where its values are."""
        return codes(self.table.column(name))

    def where(self, keep: Sequence[bool] | npt.NDArray[np.bool_]) -> Split:
        """The rows for which ``keep`` is true."""
        return self._cut(self.table.filter(pa.array(keep, pa.bool_())))

    def take(self, rows: npt.NDArray[np.integer]) -> Split:
        """Some rows, in the order given."""
        return self._cut(self.table.take(pa.array(rows, pa.int64())))

    def _cut(self, table: pa.Table) -> Split:
        return Split(self.folder, self.name, table, self.description, self.sha256)


def load_split(folder: Path, name: str, columns: Sequence[str] | None = None) -> Split:
    """Read one split of the dataset in ``folder``.

    Args:
        folder: of the dataset.
        name: ``train``, ``val`` or ``test``.
        columns: that are needed; None: all.

    Raises:
        DataError: when its manifest is missing or damaged.
    """
    settle(folder)
    table = read_manifest(folder, name, columns)
    with (folder / f"{name}.parquet").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Split(folder, name, table, manifest_description(table), digest)


def split_description(folder: Path, name: str) -> dict[str, Any]:
    """What a split says of the whole dataset; no row is read.

    Raises:
        DataError: as :func:`load_split`.
    """
    settle(folder)
    return manifest_description(read_manifest(folder, name, []))


def release_memory() -> None:
    """Hand back to the system what is kept of tables that are no longer there.

    Both keep it for what may come: Arrow, and the C library where that is glibc.
    """
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
