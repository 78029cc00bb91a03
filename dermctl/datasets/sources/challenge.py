"""What the ISIC challenges share: a ground truth a split, and images in folders named after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dermctl.datasets.sources.base import Download, ReadOptions
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.joins import stack
from dermctl.datasets.sources.locate import find_optional_table, raw_folder, require_columns
from dermctl.errors import DataError

ARCHIVE = "https://isic-challenge-data.s3.amazonaws.com"
HOMEPAGE = "https://challenge.isic-archive.com/data"


def downloads(year: str, *names: str) -> tuple[Download, ...]:
    """Files of one year's challenge."""
    return tuple(Download(f"{ARCHIVE}/{year}/{name}", name) for name in names)


def in_own_folder(name: str) -> tuple[str, str]:
    """Where a table may lie: in the raw folder, or in one of its own name, as its zip unpacks."""
    return name, f"{name.removesuffix('.csv')}/{name}"


def read_splits(
    raw: Path,
    tables: Mapping[str, Sequence[str]],
    options: ReadOptions,
    *,
    source: str,
    hint: str,
    columns: Sequence[str],
    header: Sequence[str] | None = None,
) -> tuple[CsvTable, list[str | None]]:
    """Read whichever splits' tables are there, one below the other.

    Args:
        raw: the raw folder.
        tables: split → what its table may be called.
        options: `csv` takes the place of all the tables; its rows have no official split.
        source, hint, columns, header: see `locate.read_table`.

    Returns:
        The table, and the official split of each row.

    Raises:
        DataError: the folder, all of the tables, or one of `columns` is not there.
    """
    raw_folder(raw, source, hint)
    if options.csv is not None:
        csv = require_columns(read_csv(options.csv, header), columns, source)
        return csv, [None] * csv.table.num_rows
    found = {split: find_optional_table(raw, names) for split, names in tables.items()}
    parts = {
        split: require_columns(read_csv(path, header), columns, source)
        for split, path in found.items()
        if path is not None
    }
    if not parts:
        wanted = " nor ".join(names[0] for names in tables.values())
        raise DataError(f"neither {wanted} is there", where=raw, hint=hint)
    csv, splits = stack(parts)
    return csv, list(splits)
