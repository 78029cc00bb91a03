"""Reading a source with the label that was asked for: one of its columns, or a shared target.

`--label NAME` is a column of the source where it has one of that name, else a target of the
taxonomy. `--label target:NAME` is the target in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from dermctl.datasets.sources.base import SOURCE_PREFIX, ReadOptions, Source, SourceTable
from dermctl.datasets.sources.values import parse_label
from dermctl.datasets.taxonomy import COLUMNS, TARGETS, MappedLabels, map_labels, telling_labels
from dermctl.datasets.taxonomy.targets import Reason
from dermctl.errors import DataError, UsageFault

TARGET_PREFIX = "target:"
REASON_CODES: Mapping[Reason, str] = {
    "unlabelled": "missing_label",
    "unknown": "unknown_label",
    "indeterminate": "indeterminate",
    "non-neoplastic": "non_neoplastic",
    "outside": "outside_target",
    "too coarse": "too_coarse",
    "straddles": "straddles",
}
"""What the taxonomy's reasons are called in `rejected.parquet`."""


def read_labelled(source: Source, raw: Path, options: ReadOptions) -> SourceTable:
    """Read a source; its label is the column or the target that `options.label` names.

    Raises:
        UsageFault: the source has no such target, or `options.indeterminate` has no use.
        DataError: the source cannot be read, has no such column, or has labels that the
            taxonomy does not know; all of these are named.
    """
    name = (options.label or "").removeprefix(TARGET_PREFIX)
    always = (options.label or "").startswith(TARGET_PREFIX)
    if name not in TARGETS and not always:
        _refuse_side(options, "the label is a column")
        return _read_column(source, raw, options)
    read = source.read(raw, replace(options, label=None))
    if SOURCE_PREFIX + name in read.table.column_names and not always:
        _refuse_side(options, f"the source has a column '{name}', which --label {name} names")
        return source.read(raw, options)
    return _with_target(source, read, name, options.indeterminate)


def _read_column(source: Source, raw: Path, options: ReadOptions) -> SourceTable:
    try:
        return source.read(raw, options)
    except DataError as error:
        if source.name not in COLUMNS or error.what != f"there is no column {options.label!r}":
            raise
        hint = f"{error.hint}; or a shared target: {', '.join(TARGETS)}"
        raise DataError(error.what, where=error.where, hint=hint) from error


def _refuse_side(options: ReadOptions, why: str) -> None:
    if options.indeterminate is not None:
        raise UsageFault(
            f"indeterminate labels have a side on the target malignancy only: {why}",
            where=f"--indeterminate {options.indeterminate}",
            hint=f"Leave it out, or ask for --label {TARGET_PREFIX}malignancy",
        )


def _with_target(
    source: Source, read: SourceTable, target: str, indeterminate: str | None
) -> SourceTable:
    if source.name not in COLUMNS:
        raise UsageFault(
            f"the taxonomy does not know the labels of '{source.name}', so there is no target "
            f"'{target}' of it",
            where=f"--label {target}",
            hint=f"Name a column; sources with targets: {', '.join(COLUMNS)}",
        )
    table = read.table
    columns = [name for name in COLUMNS[source.name] if SOURCE_PREFIX + name in table.column_names]
    if not columns:
        raise DataError(
            f"the targets of '{source.name}' need one of the columns "
            f"{', '.join(COLUMNS[source.name])}",
            where=f"--label {target}",
            hint="Name a column of the table with --label COLUMN",
        )
    cells = [table.column(SOURCE_PREFIX + name).to_pylist() for name in columns]
    raw_labels = telling_labels(cells, source.name)
    mapped = map_labels(
        [label and parse_label(label) for label in raw_labels], source.name, target, indeterminate
    )
    for name, values in (("label", mapped.labels), ("label_raw", raw_labels)):
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), pa.array(values, pa.string()))
    return replace(
        read,
        table=table,
        label_column=target,
        left_out=_left_out(mapped, raw_labels),
        target={**mapped.recipe(), "columns": columns},
    )


def _left_out(mapped: MappedLabels, raw_labels: list[str | None]) -> dict[int, tuple[str, str]]:
    return {
        row: (REASON_CODES[reason], f"{raw_labels[row]!r} on {mapped.target}: {reason}")
        for row, reason in enumerate(mapped.reasons)
        if reason is not None and reason != "unlabelled"
    }
