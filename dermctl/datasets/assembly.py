"""From a source's rows and what was seen of their images to manifests and ``rejected.parquet``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.datasets.manifest import (
    REJECTED_SCHEMA,
    SOURCE_PREFIX,
    SPLITS,
    manifest_schema,
    write_manifest,
    write_parquet,
)
from dermctl.datasets.packer import Seen
from dermctl.datasets.reasons import REASONS
from dermctl.datasets.screening import Findings
from dermctl.datasets.sources.base import SourceTable

_SEEN = ("sha256", "phash", "width", "height", "shard", "row")
MALFORMED = "malformed_row"
UNLABELLED = "(none)"


def assemble_manifest(
    name: str, table: pa.Table, kept: Sequence[int], seen: Mapping[int, Seen], groups: Sequence[str]
) -> pa.Table:
    """The manifest of all splits together: one row for each of ``kept``, in order.

    Args:
        name: of the dataset.
        table: the source's rows.
        kept: numbers of the rows that are kept.
        seen: row number -> what is known of its image.
        groups: group id of each kept row.
    """
    rows = table.take(pa.array(kept, pa.int64()))
    schema = manifest_schema([c for c in rows.column_names if c.startswith(SOURCE_PREFIX)])
    columns: dict[str, Any] = {name: rows.column(name) for name in rows.column_names}
    columns["dataset"] = [name] * len(kept)
    columns["label_finest"] = rows.column("finest_label")
    columns["group_id"] = list(groups)
    columns.update({key: [getattr(seen[row], key) for row in kept] for key in _SEEN})
    arrays = [
        pa.array(columns[field.name], field.type)
        if isinstance(columns[field.name], list)
        else columns[field.name].cast(field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def write_splits(
    folder: Path, manifest: pa.Table, splits: Sequence[str], description: dict[str, Any]
) -> None:
    """Write ``train.parquet``, ``val.parquet`` and ``test.parquet``."""
    for split in SPLITS:
        part = manifest.filter(pa.array([own == split for own in splits], pa.bool_()))
        write_manifest(folder / f"{split}.parquet", part, description)


def write_rejected(path: Path, name: str, source: SourceTable, findings: Findings) -> None:
    """Write every row that was dropped, malformed lines of the table among them."""
    rows = sorted(findings.rejected)
    taken = source.table.take(pa.array(rows, pa.int64()))
    reasons = [findings.rejected[row] for row in rows]
    malformed = source.malformed
    blank = [None] * len(malformed)
    columns = {
        "image_id": taken.column("image_id").to_pylist() + blank,
        "dataset": [name] * (len(rows) + len(malformed)),
        "reason": [code for code, _ in reasons] + [MALFORMED] * len(malformed),
        "detail": [detail for _, detail in reasons] + [fault.detail for fault in malformed],
        "path": taken.column("path").to_pylist() + [fault.file for fault in malformed],
        "label_raw": taken.column("label_raw").to_pylist() + blank,
        "fitzpatrick": taken.column("fitzpatrick").to_pylist() + blank,
        "source_row": taken.column("line").to_pylist() + [fault.line for fault in malformed],
    }
    write_parquet(path, pa.table(columns, schema=REJECTED_SCHEMA))


def rejected_counts(source: SourceTable, findings: Findings) -> dict[str, int]:
    """Reason code -> rows dropped for it, most frequent first."""
    counts = Counter(code for code, _ in findings.rejected.values())
    counts[MALFORMED] += len(source.malformed)
    return most_first(counts)


def table_fault_counts(source: SourceTable) -> dict[str, int]:
    """What is wrong with the source's tables and folder, apart from what is wrong with rows."""
    counts = Counter(fault.code for fault in source.faults if not REASONS[fault.code].of_row)
    return most_first(Counter[str](counts) + Counter({"unlisted_file": len(source.unlisted)}))


def class_counts(labels: Sequence[str | None], splits: Sequence[str]) -> dict[str, dict[str, int]]:
    """Split -> class -> images."""
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for split, label in zip(splits, labels, strict=True):
        counts[split][label if label is not None else UNLABELLED] += 1
    return {split: dict(sorted(counter.items())) for split, counter in counts.items()}


def group_counts(groups: Sequence[str], splits: Sequence[str]) -> dict[str, int]:
    """Split -> number of groups."""
    pairs = set(zip(groups, splits, strict=True))
    return {split: sum(own == split for _, own in pairs) for split in SPLITS}


def most_first(counts: Counter[str]) -> dict[str, int]:
    """The counts that are not zero, the greatest first."""
    return {code: count for code, count in counts.most_common() if count}


def untestable_classes(
    labels: Sequence[str | None], groups: Sequence[str], splits: Sequence[str]
) -> dict[str, int]:
    """Classes with no image in a split that has some: class -> number of its groups.

    Splits are stratified on the finest label; this is about the classes to be learned, which may
    be coarser.
    """
    used = set(splits)
    lies_in: dict[str, set[str]] = {}
    groups_of: dict[str, set[str]] = {}
    for label, group, split in zip(labels, groups, splits, strict=True):
        if label is not None:
            lies_in.setdefault(label, set()).add(split)
            groups_of.setdefault(label, set()).add(group)
    return {label: len(groups_of[label]) for label in sorted(lies_in) if lies_in[label] != used}
