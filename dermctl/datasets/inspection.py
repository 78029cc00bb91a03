"""Every row and every file of a source looked at: what `data validate` and `data prepare` share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.datasets.packer import Looking, Seen, pack_files
from dermctl.datasets.reasons import Action
from dermctl.datasets.screening import (
    Findings,
    byte_identical,
    label_conflicts,
    screen_rows,
    small_classes,
)
from dermctl.datasets.sources.base import SourceTable
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Inspection:
    """What is known of a source's rows.

    Args:
        findings: what was found, and which rows are rejected for it.
        seen: row number -> what is known of its image, for the rows whose image can be used,
            whatever their label.
    """

    findings: Findings
    seen: dict[int, Seen]


def inspect_source(
    source: SourceTable,
    raw: Path,
    looking: Looking,
    actions: Mapping[str, Action],
    *,
    store: Path | None,
    licenses: Collection[str] = (),
    min_class: int = 0,
    every_file: bool = False,
    excluded: Mapping[int, str] | None = None,
    why_missing: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
) -> Inspection:
    """Screen the rows, look at their files, and compare them with each other.

    Args:
        source: the rows.
        raw: the raw folder.
        looking: how files are looked at.
        actions: what each reason does.
        store: folder of a store that images are packed into; None: pack nothing.
        licenses: keep these only; empty: all.
        min_class: leave out classes with fewer images.
        every_file: look also at the files of rows that are rejected already.
        excluded: rows that the user's lists leave out -> why.
        why_missing: where a file was looked for -> why it is not there.
        progress: one unit a file.
    """
    columns = ("image_id", "path", "label", "md5_expected")
    values = {name: source.table.column(name).to_pylist() for name in columns}
    labels: list[str | None] = values["label"]
    findings = screen_rows(
        source.table,
        actions,
        labelled=source.label_column is not None,
        licenses=licenses,
        raw_label=source.label_column or "label",
        known={"excluded": excluded or {}, **row_faults(source)},
        why_missing=why_missing,
    )
    rows = range(len(labels)) if every_file else findings.usable(len(labels))
    files = {
        row: (str(values["image_id"][row]), raw / values["path"][row])
        for row in rows
        if values["path"][row] is not None
    }
    md5s = {row: values["md5_expected"][row] for row in files if values["md5_expected"][row]}
    seen = pack_files(files, store, looking, findings, actions, progress, md5s=md5s)
    hashes = {row: file.sha256 for row, file in seen.items() if row not in findings.rejected}
    findings.found_all("label_conflict", label_conflicts(hashes, labels), actions)
    findings.found_all("byte_identical", byte_identical(hashes, values["image_id"]), actions)
    small = small_classes(labels, findings.kept(len(labels)), min_class)
    findings.found_all("class_too_small", small, actions)
    return Inspection(findings, seen)


def row_faults(source: SourceTable) -> dict[str, dict[int, str]]:
    """Faults of the table that concern rows which are in it: reason code -> row -> detail."""
    columns = ("line", "path", "label")
    values: dict[str, list[Any]] = {name: source.table.column(name).to_pylist() for name in columns}
    rows_of: dict[int | None, list[int]] = defaultdict(list)
    for row, line in enumerate(values["line"]):
        rows_of[line].append(row)
    found: dict[str, dict[int, str]] = {"outside_raw": {}, "bad_label": {}}
    for row, (code, detail) in source.left_out.items():
        found.setdefault(code, {})[row] = detail
    empty = {"outside_raw": values["path"], "bad_label": values["label"]}
    for fault in source.faults:
        if fault.code in empty:
            # Tables below each other repeat line numbers: the row meant is the one that lacks it.
            for row in rows_of[fault.line]:
                if empty[fault.code][row] is None:
                    found[fault.code].setdefault(row, fault.detail)
    return found
