"""The manifest: one parquet file a split, one row an image, one schema for all commands.

Besides the columns below a manifest holds each column of its source under ``src_<name>``. The
schema's metadata carries, as JSON under ``dermctl``, what holds for the whole dataset: name,
version, label set, untestable classes, split recipe.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.datasets.sources.base import SOURCE_PREFIX
from dermctl.datasets.splits import SPLITS
from dermctl.errors import DataError
from dermctl.files import replacing

__all__ = ["SOURCE_PREFIX", "SPLITS"]  # also named here, where manifests are read

MANIFEST_VERSION = 1
_METADATA_KEY = b"dermctl"

# (column, type, nullable, meaning): the contract between all commands.
COLUMNS: tuple[tuple[str, pa.DataType, bool, str], ...] = (
    ("image_id", pa.string(), False, "the source's own identifier, unique in the dataset"),
    ("dataset", pa.string(), False, "name of the prepared dataset"),
    ("label", pa.string(), True, "class to be learned, as chosen with --label; null: unlabelled"),
    ("label_raw", pa.string(), True, "that label exactly as the source writes it"),
    ("label_finest", pa.string(), True, "the source's finest label: what splits are stratified on"),
    ("patient_id", pa.string(), True, "null: unknown"),
    ("lesion_id", pa.string(), True, "unique within the dataset; null: unknown"),
    ("group_id", pa.string(), False, "images that are never divided between splits"),
    ("fitzpatrick", pa.int8(), True, "skin type 1–6; null: unknown"),
    ("age", pa.float32(), True, "years"),
    ("sex", pa.string(), True, "female or male"),
    ("site", pa.string(), True, "place on the body, as the source names it"),
    ("modality", pa.string(), True, "dermoscopic or clinical"),
    ("license", pa.string(), True, "licence of the image"),
    ("attribution", pa.string(), True, "whom to credit"),
    ("sha256", pa.string(), False, "SHA-256 of the source file, hexadecimal"),
    ("phash", pa.uint64(), False, "64-bit perceptual hash"),
    ("width", pa.int32(), False, "pixels of the source image, upright"),
    ("height", pa.int32(), False, "pixels of the source image, upright"),
    ("shard", pa.int32(), False, "shard of the store"),
    ("row", pa.int32(), False, "row in that shard"),
)

_SHARED = ["dataset", "label", "patient_id", "lesion_id", "group_id"]
"""Columns whose values many rows share."""

REJECTED_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=True),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=True),
        pa.field("label_raw", pa.string(), nullable=True),
        pa.field("fitzpatrick", pa.int8(), nullable=True),
        pa.field("source_row", pa.int64(), nullable=True),
    ]
)


def manifest_schema(source_columns: Sequence[str] = ()) -> pa.Schema:
    """The manifest's schema, with the source's own columns (given with their prefix) behind."""
    own = [pa.field(name, kind, nullable=nullable) for name, kind, nullable, _ in COLUMNS]
    return pa.schema([*own, *(pa.field(name, pa.string()) for name in source_columns)])


def write_manifest(path: Path, table: pa.Table, description: dict[str, Any]) -> None:
    """Write one split, with what holds for the whole dataset in the schema's metadata.

    Raises:
        ValueError: when the table does not have the manifest's schema (a bug, not a user's fault).
    """
    extra = [name for name in table.column_names if name.startswith(SOURCE_PREFIX)]
    table = table.select(manifest_schema(extra).names).cast(manifest_schema(extra))
    metadata = {_METADATA_KEY: json.dumps(description, ensure_ascii=False).encode()}
    write_parquet(path, table.replace_schema_metadata(metadata))


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a parquet file, its pages with checksums, under a temporary name, then rename."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def check_pages(path: Path) -> int:
    """Read all of a parquet file, comparing its pages with their checksums; its number of rows.

    Raises:
        DataError: it is missing or damaged.
    """
    again = f"Prepare it again with: dermctl data prepare … --name {path.parent.name}"
    if not path.is_file():
        raise DataError("a file of the dataset is missing", where=path, hint=again)
    try:
        return int(pq.read_table(path, page_checksum_verification=True).num_rows)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"is damaged ({error})", where=path, hint=again) from error


def read_manifest(folder: Path, split: str, columns: Sequence[str] | None = None) -> pa.Table:
    """One split of the dataset in ``folder``.

    Args:
        folder: of the dataset.
        split: ``train``, ``val`` or ``test``.
        columns: that are needed, no others are read, and strings that many rows share come
            dictionary-encoded: a quarter of the memory; None: all, as the schema says.

    Raises:
        DataError: when the manifest is missing, damaged, not ours, or of a newer version.
    """
    path = folder / f"{split}.parquet"
    again = f"Prepare it again with: dermctl data prepare … --name {folder.name}"
    if not path.is_file():
        raise DataError(f"the dataset has no {split} manifest", where=path, hint=again)
    wanted = [name for name, *_ in COLUMNS] if columns is None else list(columns)
    try:
        schema = pq.read_schema(path)
        lost = [name for name in wanted if name not in schema.names]
        newer = _description(schema)["manifest_version"] > MANIFEST_VERSION
        table = None if lost or newer else _read(path, columns)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"cannot be read as a dermctl manifest ({error})", where=path, hint=again
        ) from error
    if newer:
        raise DataError(
            "the manifest was written by a newer dermctl", where=path, hint="Update dermctl"
        )
    if lost:
        raise DataError(f"the manifest lacks {', '.join(lost)}", where=path, hint=again)
    _check_filled(table, path, again)
    return table


def _check_filled(table: pa.Table, path: Path, again: str) -> None:
    """Refuse an empty value where ``prepare`` leaves none; the first row is named."""
    for name, _, nullable, _ in COLUMNS:
        if nullable or name not in table.column_names or not table.column(name).null_count:
            continue
        empty = table.column(name).null_count
        first = table.column(name).is_null().to_pylist().index(True)
        raise DataError(
            f"the manifest has no {name} for {empty:,} of {table.num_rows:,} images, "
            f"first in row {first + 1}",
            where=path,
            hint=again,
        )


def _read(path: Path, columns: Sequence[str] | None) -> pa.Table:
    shared = None if columns is None else [name for name in _SHARED if name in columns]
    with pq.ParquetFile(path, read_dictionary=shared) as file:
        return file.read(None if columns is None else list(columns))


def manifest_description(table: pa.Table) -> dict[str, Any]:
    """What holds for the whole dataset, from the schema's metadata."""
    return _description(table.schema)


def _description(schema: pa.Schema) -> dict[str, Any]:
    description: dict[str, Any] = json.loads((schema.metadata or {})[_METADATA_KEY])
    return description
