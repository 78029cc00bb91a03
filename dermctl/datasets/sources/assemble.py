"""From a CSV file and a scan of the images to the common table: the part all sources share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from dermctl.datasets.sources.base import COMMON_SCHEMA, SOURCE_PREFIX, RowFault, SourceTable
from dermctl.datasets.sources.csvfile import CsvTable
from dermctl.datasets.sources.images import ImageFiles
from dermctl.datasets.sources.values import (
    normalise_license,
    parse_age,
    parse_fitzpatrick,
    parse_id,
    parse_label,
    parse_sex,
    parse_split,
    parse_text,
    skin_tone,
)


def _verbatim(cell: str) -> str | None:
    return cell.strip() or None


PARSERS: dict[str, Callable[[str], Any]] = {
    "patient_id": parse_id,
    "lesion_id": parse_id,
    "fitzpatrick": parse_fitzpatrick,
    "age": parse_age,
    "sex": parse_sex,
    "site": parse_text,
    "license": normalise_license,
    "attribution": _verbatim,
    "md5_expected": parse_text,
    "url": _verbatim,
    "split": parse_split,
}
"""How the cells of each common column are read."""


def assemble(
    csv: CsvTable,
    files: ImageFiles,
    *,
    image_column: str,
    label_column: str | None,
    finest: str | Sequence[str | None] | None,
    columns: Mapping[str, str],
    derived: Mapping[str, Sequence[Any] | str | None] | None = None,
    names: Sequence[str | None] | None = None,
    faults: Sequence[RowFault] = (),
    duplicates: Sequence[tuple[str, str]] = (),
) -> SourceTable:
    """Build the common table.

    Args:
        csv: the source's table.
        files: the scan of its images; each row's file is looked up in it.
        image_column: the column that becomes `image_id`.
        label_column: the column that becomes `label`; None: all labels are null.
        finest: the column that becomes `finest_label`, or its values; None: `label` again.
        columns: common column → source column, read by `PARSERS`; a source column that the
            table lacks gives nulls.
        derived: common column → its values, or one value for all rows.
        names: a file name a row, where it is not the image id; None: the row has no file.
        faults: those met before, put first.
        duplicates: see `SourceTable`.
    """
    found: list[RowFault] = [*faults, *csv.faults]
    count = csv.table.num_rows
    ids = [cell.strip() or None for cell in csv.column(image_column)]
    names = ids if names is None else names
    built: dict[str, pa.Array] = {
        "image_id": pa.array(ids, pa.string()),
        "path": pa.array([name and files.find(name) for name in names], pa.string()),
        "expected": pa.array([name and files.expected(name) for name in names], pa.string()),
        "line": pa.array(csv.lines, pa.int32()),
    }
    if label_column is not None:
        built["label"] = _parsed(csv, label_column, "label", parse_label, found)
        built["label_raw"] = csv.table.column(label_column)
    if isinstance(finest, str):
        built["finest_label"] = _parsed(csv, finest, "finest_label", parse_label, found)
    elif finest is None and "label" in built:
        built["finest_label"] = built["label"]
    elif finest is not None:
        built["finest_label"] = pa.array(finest, pa.string())
    for name, column in columns.items():
        if column in csv.columns:
            built[name] = _parsed(csv, column, name, PARSERS[name], found)
    for name, values in (derived or {}).items():
        values = [values] * count if values is None or isinstance(values, str) else values
        built[name] = pa.array(values, COMMON_SCHEMA.field(name).type)
    if "fitzpatrick" in built and "skin_tone" not in built:
        tones = [skin_tone(kind) for kind in built["fitzpatrick"].to_pylist()]
        built["skin_tone"] = pa.array(tones, pa.string())
    return SourceTable(
        _with_source_columns(built, csv.table),
        label_column,
        [*found, *files.faults()],
        files.unlisted(),
        list(duplicates),
    )


def _parsed(
    csv: CsvTable,
    column: str,
    name: str,
    parser: Callable[[str], Any],
    faults: list[RowFault],
) -> pa.Array:
    """Read a column, each distinct cell once."""
    encoded = csv.table.column(column).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values: list[Any] = []
    bad: list[int] = []
    for index, cell in enumerate(encoded.dictionary.to_pylist()):
        try:
            values.append(parser(cell))
        except ValueError:
            values.append(None)
            bad.append(index)
    if bad:
        faults.append(_bad_value(csv, column, name, encoded, set(bad)))
    return pa.array(values, COMMON_SCHEMA.field(name).type).take(encoded.indices)


def _bad_value(
    csv: CsvTable, column: str, name: str, encoded: pa.DictionaryArray, bad: set[int]
) -> RowFault:
    rows = [row for row, index in enumerate(encoded.indices.to_pylist()) if index in bad]
    cell = encoded.dictionary[encoded.indices[rows[0]].as_py()].as_py()
    cells = "1 cell is" if len(rows) == 1 else f"{len(rows)} cells are"
    detail = f"column {column!r}: {cells} not understood as {name}, first {cell!r}: left empty"
    return RowFault("bad_value", detail, csv.path.name, csv.lines[rows[0]])


def _with_source_columns(built: Mapping[str, pa.Array], source: pa.Table) -> pa.Table:
    count = source.num_rows
    columns = [built.get(f.name, pa.nulls(count, f.type)) for f in COMMON_SCHEMA]
    fields = [
        *COMMON_SCHEMA,
        *(pa.field(SOURCE_PREFIX + name, pa.string()) for name in source.column_names),
    ]
    return pa.table([*columns, *source.columns], schema=pa.schema(fields))
