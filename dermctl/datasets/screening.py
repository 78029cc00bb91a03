"""Which rows of a source are dropped before any pixel is looked at, and why: first reason wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from dermctl.datasets.reasons import LABEL_REASONS, Action


@dataclass(frozen=True)
class Found:
    """One thing that was found out about a row."""

    row: int
    code: str
    detail: str


@dataclass
class Findings:
    """What was found row by row: at most one rejection a row, any number of notes.

    Args:
        rejected: row number -> (reason code, detail).
        noted: reason code -> rows that were kept all the same.
        every: all that was found, in order, also of rows that were rejected before.
        unusable: rows dropped for a reason other than their label: no image of them is divided.
    """

    rejected: dict[int, tuple[str, str]] = field(default_factory=dict)
    noted: Counter[str] = field(default_factory=Counter)
    every: list[Found] = field(default_factory=list)
    unusable: set[int] = field(default_factory=set)

    def found(self, row: int, code: str, detail: str, actions: Mapping[str, Action]) -> None:
        """Drop or note ``row`` for ``code``, as ``actions`` says; its first rejection stands."""
        self.every.append(Found(row, code, detail))
        if actions[code] is Action.DROP and code not in LABEL_REASONS:
            self.unusable.add(row)
        if row in self.rejected:
            return
        if actions[code] is Action.DROP:
            self.rejected[row] = (code, detail)
        else:
            self.noted[code] += 1

    def found_all(
        self, code: str, details: Mapping[int, str], actions: Mapping[str, Action]
    ) -> None:
        """The same for many rows: row -> detail."""
        for row, detail in details.items():
            self.found(row, code, detail, actions)

    def kept(self, rows: int) -> list[int]:
        """Numbers of the rows that no reason has dropped, in order."""
        return [row for row in range(rows) if row not in self.rejected]

    def usable(self, rows: int) -> list[int]:
        """The same, and the rows that only their label has dropped, in order."""
        return [row for row in range(rows) if row not in self.unusable]


def screen_rows(
    table: pa.Table,
    actions: Mapping[str, Action],
    *,
    labelled: bool = True,
    licenses: Collection[str] = (),
    raw_label: str = "label",
    known: Mapping[str, Mapping[int, str]] | None = None,
    why_missing: Mapping[str, str] | None = None,
) -> Findings:
    """Missing files, missing labels, unwanted licences and duplicate ids.

    Of several rows of one id the first that is otherwise sound is kept, unless their labels differ.

    Args:
        table: a source's rows (``dermctl.datasets.sources.base.COMMON_SCHEMA``).
        actions: what each reason does (``dermctl.datasets.reasons.resolve_actions``).
        labelled: False for a table without labels, which serves pretraining only.
        licenses: keep these only; empty: all.
        raw_label: the label's column, for messages.
        known: what is known from the reading of the table: reason code -> row -> detail.
        why_missing: where a file was looked for -> why it is not there, for messages.
    """
    findings = Findings()
    for code, details in (known or {}).items():
        findings.found_all(code, details, actions)
    columns = ("image_id", "path", "expected", "line", "label", "license")
    values = {name: table.column(name).to_pylist() for name in columns}
    explained = {
        row for code in LABEL_REASONS - {"bad_label"} for row in (known or {}).get(code, ())
    }
    first: dict[str, int] = {}
    for row, image_id in enumerate(values["image_id"]):
        if values["path"][row] is None:
            expected = values["expected"][row]
            detail = f"looked for {expected}" if expected else "the row names no file to look for"
            if why_missing and expected in why_missing:
                detail = f"{detail}: {why_missing[expected]}"
            findings.found(row, "missing_file", detail, actions)
        if labelled and values["label"][row] is None and row not in explained:
            findings.found(row, "missing_label", f"'{raw_label}' is empty", actions)
        if licenses and values["license"][row] not in licenses:
            detail = f"licence {values['license'][row] or 'unknown'}"
            findings.found(row, "license_excluded", detail, actions)
        if row not in findings.rejected and first.setdefault(image_id, row) != row:
            kept = first[image_id]
            findings.found(row, "duplicate_id", _also(image_id, values["line"][kept]), actions)
            label, other = values["label"][kept], values["label"][row]
            if label != other and None not in (label, other):
                detail = f"'{image_id}' is labelled {label} here and {other} elsewhere"
                findings.found(kept, "label_conflict", detail, actions)
    for row in findings.usable(table.num_rows):  # an image is divided once, by one of its rows
        if first.setdefault(values["image_id"][row], row) != row:
            findings.unusable.add(row)
    return findings


def _also(image_id: str, line: int | None) -> str:
    return f"'{image_id}' occurs already" + ("" if line is None else f" in line {line}")


def label_conflicts(sha256s: Mapping[int, str], labels: Sequence[str | None]) -> dict[int, str]:
    """Rows whose bytes occur under more than one label: row -> detail.

    Args:
        sha256s: hash of the source file of each row that is still kept.
        labels: label of every row.
    """
    rows_of: dict[str, list[int]] = {}
    for row, digest in sha256s.items():
        rows_of.setdefault(digest, []).append(row)
    conflicts: dict[int, str] = {}
    for rows in rows_of.values():
        names = sorted({str(labels[row]) for row in rows if labels[row] is not None})
        if len(names) > 1:
            conflicts.update(dict.fromkeys(rows, f"the same bytes are labelled {', '.join(names)}"))
    return conflicts


def byte_identical(sha256s: Mapping[int, str], ids: Sequence[str]) -> dict[int, str]:
    """Rows whose bytes an earlier row has too: row -> detail.

    Args:
        sha256s: hash of the source file of each row that is still kept, in order.
        ids: image id of every row.
    """
    first: dict[str, int] = {}
    return {
        row: f"the same bytes as '{ids[first[digest]]}'"
        for row, digest in sha256s.items()
        if first.setdefault(digest, row) != row
    }


def small_classes(labels: Sequence[str | None], rows: Sequence[int], least: int) -> dict[int, str]:
    """Of ``rows``, those whose class has fewer than ``least`` images: row -> detail."""
    counts = Counter(labels[row] for row in rows if labels[row] is not None)
    return {
        row: f"'{labels[row]}' has {counts[labels[row]]} images, fewer than {least}"
        for row in rows
        if labels[row] is not None and counts[labels[row]] < least
    }
