"""Brings tables that belong together into one: joined on an id, or put one below the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from dermctl.datasets.sources.base import RowFault
from dermctl.datasets.sources.csvfile import CsvTable


def with_column(csv: CsvTable, name: str, cells: Sequence[str]) -> CsvTable:
    """`csv` with one more column, or with that column replaced."""
    table = csv.table
    if name in csv.columns:
        table = table.drop_columns([name])
    table = table.append_column(name, pa.array(cells, pa.string()))
    return CsvTable(csv.path, table, csv.lines, csv.faults)


def join(left: CsvTable, right: CsvTable, on: str, right_on: str | None = None) -> CsvTable:
    """Each row of `left` with the cells of the row of `right` that has its id.

    Columns that `left` has already are not taken from `right`. A row without a match gets empty
    cells; rows that find no match, on either side, are told of in one fault a side.
    """
    key = right_on or on
    place: dict[str, int] = {}
    for row, cell in enumerate(right.column(key)):
        place.setdefault(cell.strip(), row)
    ids = [cell.strip() for cell in left.column(on)]
    rows = pa.array([place.get(name) for name in ids], pa.int64())
    table = left.table
    for name in right.columns:
        if name not in (*left.columns, key):
            cells = right.table.column(name).combine_chunks().take(rows)
            table = table.append_column(name, cells.fill_null(""))
    unmatched = [
        *_unmatched(left, on, set(place), f"no row in {right.path.name}"),
        *_unmatched(right, key, set(ids), f"no row in {left.path.name}"),
    ]
    faults = [*left.faults, *right.faults, *unmatched]
    return CsvTable(left.path, table, left.lines, faults)


def _unmatched(csv: CsvTable, column: str, known: set[str], what: str) -> list[RowFault]:
    missing = [
        (line, cell.strip())
        for line, cell in zip(csv.lines, csv.column(column), strict=True)
        if cell.strip() not in known
    ]
    if not missing:
        return []
    line, first = missing[0]
    count = "1 id has" if len(missing) == 1 else f"{len(missing)} ids have"
    detail = f"{count} {what}, first {first!r}"
    return [RowFault("unmatched_row", detail, csv.path.name, line, first)]


def stack(parts: Mapping[str, CsvTable]) -> tuple[CsvTable, list[str]]:
    """One table below the other, and for each row the name of the part that it came from.

    A column that a part lacks is empty there.
    """
    names: dict[str, None] = {}
    for part in parts.values():
        names.update(dict.fromkeys(part.columns))
    tables = [_filled(part.table, list(names)) for part in parts.values()]
    first = next(iter(parts.values()))
    csv = CsvTable(
        first.path,
        pa.concat_tables(tables),
        [line for part in parts.values() for line in part.lines],
        [fault for part in parts.values() for fault in part.faults],
    )
    return csv, [name for name, part in parts.items() for _ in part.lines]


def _filled(table: pa.Table, names: list[str]) -> pa.Table:
    empty = pa.array([""] * table.num_rows, pa.string())
    columns = [table.column(name) if name in table.column_names else empty for name in names]
    return pa.table(dict(zip(names, columns, strict=True)))


def one_hot(csv: CsvTable, classes: Sequence[str]) -> tuple[list[str], list[RowFault]]:
    """For each row the one class whose cell is 1; "" and a fault where it is not just one."""
    present = [name for name in classes if name in csv.columns]
    columns = [[_is_one(cell) for cell in csv.column(name)] for name in present]
    labels: list[str] = []
    faults: list[RowFault] = []
    for line, flags in zip(csv.lines, zip(*columns, strict=True), strict=True):
        chosen = [name for name, flag in zip(present, flags, strict=True) if flag]
        labels.append(chosen[0] if len(chosen) == 1 else "")
        if len(chosen) != 1:
            detail = f"one class is expected, found {', '.join(chosen) or 'none'}"
            faults.append(RowFault("bad_label", detail, csv.path.name, line))
    return labels, faults


def _is_one(cell: str) -> bool:
    return cell.strip() in {"1", "1.0", "1."}
