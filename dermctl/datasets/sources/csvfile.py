"""Reads a CSV file as strings, with every line accounted for.

Handles what real tables have: a byte-order mark, CRLF, quoted commas and line breaks, semicolons
or tabs as separators, Latin-1, repeated or missing column names, short and long rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from dermctl.datasets.sources.base import RowFault
from dermctl.errors import DataError

SEPARATORS = ",;\t"
_ROWS_A_BATCH = 65_536  # rows held as Python strings before they become an Arrow batch
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class CsvTable:
    """A CSV file, read.

    Args:
        path: the file.
        table: all columns as strings, cells verbatim; an empty cell is the empty string.
        lines: for each row, the line that it starts on (the header is line 1).
        faults: lines that are no rows, and what is odd about the file.
    """

    path: Path
    table: pa.Table
    lines: list[int]
    faults: list[RowFault] = field(default_factory=list)

    @property
    def columns(self) -> list[str]:
        """The column names, in order."""
        return list(self.table.column_names)

    def column(self, name: str) -> list[str]:
        """The cells of column `name`."""
        cells: list[str] = self.table.column(name).to_pylist()
        return cells


def read_csv(path: Path, header: Sequence[str] | None = None) -> CsvTable:
    """Read `path`; `header` names the columns of a file that has no header line.

    Raises:
        DataError: the file is missing or empty.
    """
    if not path.is_file():
        raise DataError("there is no such table", where=path)
    try:
        return _read(path, _encoding(path), header)
    except UnicodeDecodeError:
        # Latin-1 maps every byte, so this cannot fail; that it was a guess is said as a fault.
        read = _read(path, "latin-1", header)
        note = RowFault("encoding", "the table is not UTF-8: read as Latin-1", path.name)
        return CsvTable(read.path, read.table, read.lines, [note, *read.faults])


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in _UTF16_MARKS else "utf-8-sig"


def _read(path: Path, encoding: str, header: Sequence[str] | None) -> CsvTable:
    faults: list[RowFault] = []
    with path.open(encoding=encoding, newline="") as file:
        separator = _separator(file.readline())
        file.seek(0)
        rows = _numbered_rows(csv.reader(file, delimiter=separator, strict=True), path, faults)
        if header is None:
            _, cells = next(rows, (0, None))
            if cells is None:
                raise DataError("the table is empty", where=path)
            header = _header(cells, path, faults)
        table, lines = _collect(rows, header, path, faults)
    return CsvTable(path, table, lines, faults)


def _separator(first_line: str) -> str:
    """The separator that the first line has most of, outside quotes."""
    bare = "".join(first_line.split('"')[::2])
    return max(SEPARATORS, key=bare.count)


def _numbered_rows(
    reader: Iterator[list[str]], path: Path, faults: list[RowFault]
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line the row starts on, cells); blank lines are skipped."""
    while True:
        start = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader, None)
        except csv.Error as error:
            end = reader.line_num  # type: ignore[attr-defined]
            lines = f"lines {start} to {end}" if end > start else f"line {start}"
            detail = f"{lines} cannot be read ({error}): is a quotation mark left open?"
            faults.append(RowFault("malformed_row", detail, path.name, start))
            continue
        if cells is None:
            return
        if cells:
            yield start, cells


def _header(cells: list[str], path: Path, faults: list[RowFault]) -> list[str]:
    """Column names, stripped: `unnamed_<index>` for an empty one, `<name>_2` for a repeated one."""
    names: list[str] = []
    for index, cell in enumerate(cells):
        name = cell.strip() or f"unnamed_{index}"
        if name in names:
            count = 2
            while f"{name}_{count}" in (*names, *cells):
                count += 1
            detail = f"column {name!r} occurs again as column {index + 1}: kept as '{name}_{count}'"
            faults.append(RowFault("duplicate_column", detail, path.name, 1))
            name = f"{name}_{count}"
        names.append(name)
    return names


def _collect(
    rows: Iterator[tuple[int, list[str]]],
    header: Sequence[str],
    path: Path,
    faults: list[RowFault],
) -> tuple[pa.Table, list[int]]:
    schema = pa.schema([pa.field(name, pa.string()) for name in header])
    width = len(header)
    batches: list[pa.RecordBatch] = []
    lines: list[int] = []
    held: list[list[str]] = []
    for line, cells in rows:
        problem = _row_problem(cells, width)
        if problem is not None:
            faults.append(RowFault("malformed_row", problem, path.name, line))
            continue
        lines.append(line)
        held.append(cells if len(cells) == width else cells[:width])
        if len(held) == _ROWS_A_BATCH:
            batches.append(_batch(held, schema))
            held = []
    if held:
        batches.append(_batch(held, schema))
    return pa.Table.from_batches(batches, schema=schema), lines


def _row_problem(cells: list[str], width: int) -> str | None:
    if not any(map(str.strip, cells)):
        return "the row is empty"
    if len(cells) < width:
        return f"the row has {len(cells)} of {width} cells"
    if len(cells) > width and any(map(str.strip, cells[width:])):
        return f"the row has {len(cells)} cells, the header {width}"
    return None


def _batch(rows: list[list[str]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
