"""Finds a source's raw folder, tables and columns, or says in one line what to type."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from dermctl.datasets.sources.base import ReadOptions
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.errors import DataError


def raw_folder(raw: Path, what: str, hint: str) -> Path:
    """`raw`, where it is a folder.

    Raises:
        DataError: it is not there.
    """
    if not raw.is_dir():
        raise DataError(f"the folder of {what} is not there", where=raw, hint=hint)
    return raw


def read_table(
    raw: Path,
    names: Sequence[str],
    options: ReadOptions,
    *,
    source: str,
    hint: str,
    columns: Sequence[str],
    header: Sequence[str] | None = None,
) -> CsvTable:
    """Find and read a source's main table.

    Args:
        raw: the raw folder.
        names: what the table may be called, see `find_table`.
        options: may name another table.
        source: the source's name, for messages.
        hint: what to type where the folder or the table is not there.
        columns: those that the source cannot do without.
        header: the column names, where the file has none.

    Raises:
        DataError: the folder, the table, or one of `columns` is not there.
    """
    raw_folder(raw, source, hint)
    csv = read_csv(find_table(raw, names, options, hint), header)
    return require_columns(csv, columns, source)


def require_columns(csv: CsvTable, columns: Sequence[str], source: str) -> CsvTable:
    """`csv`, where it has all `columns`.

    Raises:
        DataError: it has not, so it is some other table.
    """
    missing = [name for name in columns if name not in csv.columns]
    if missing:
        raise DataError(
            f"this is no table of {source}: it has no column {', '.join(map(repr, missing))}",
            where=csv.path,
            hint=f"Its columns: {', '.join(csv.columns)}",
        )
    return csv


def download_hint(source: str) -> str:
    """The next step for a source that `data download` fetches."""
    return (
        f"Name its folder with --raw DIR, or fetch it with: dermctl data download {source} --to DIR"
    )


def find_table(raw: Path, names: Sequence[str], options: ReadOptions, hint: str) -> Path:
    """The table that the user names, or the first of `names` in `raw`, whatever the case.

    Raises:
        DataError: there is none.
    """
    if options.csv is not None:
        if not options.csv.is_file():
            raise DataError("the table is not there", where=options.csv, hint="Check --csv FILE")
        return options.csv
    found = find_optional_table(raw, names)
    if found is None:
        raise DataError(f"{names[0]} is not there", where=raw, hint=hint)
    return found


def find_optional_table(raw: Path, names: Sequence[str]) -> Path | None:
    """The first of `names` in `raw`, or None; the case matters only in a name with a folder."""
    present = {entry.name.lower(): entry for entry in sorted(raw.iterdir())}
    for name in names:
        path = raw / name if "/" in name else present.get(name.lower())
        if path is not None and path.is_file():
            return path
    return None


def require_column(csv: CsvTable, name: str, flag: str) -> str:
    """`name`, where the table has that column.

    Raises:
        DataError: it has not; the hint lists its columns, the nearest first.
    """
    if name in csv.columns:
        return name
    columns = nearest_first(name, csv.columns)
    raise DataError(
        f"there is no column {name!r}",
        where=csv.path,
        hint=f"Give {flag} one of its columns: {', '.join(columns)}",
    )


def choose_label(csv: CsvTable, options: ReadOptions, defaults: Sequence[str]) -> str:
    """The column that labels come from: the user's, or the first of `defaults` there is."""
    if options.label is not None:
        return require_column(csv, options.label, "--label")
    present = [name for name in defaults if name in csv.columns]
    return present[0] if present else require_column(csv, defaults[0], "--label")


def nearest_first(name: str, names: Sequence[str]) -> list[str]:
    """`names` with those that resemble `name` most in front, the others in their order."""
    by_lower = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3)
    nearest = [by_lower[key] for key in close]
    return nearest + [known for known in names if known not in nearest]
