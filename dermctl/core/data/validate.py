"""``data validate``: every fault of every row and file at once; nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from dermctl.core.data.raw import existing_raw
from dermctl.datasets.examine import MAX_ASPECT, MIN_SIDE
from dermctl.datasets.inspection import inspect_source
from dermctl.datasets.labelling import read_labelled
from dermctl.datasets.manifest import write_parquet
from dermctl.datasets.packer import Looking
from dermctl.datasets.packing import PACKED_SIDE
from dermctl.datasets.reasons import REASONS, Action, resolve_actions
from dermctl.datasets.screening import Findings
from dermctl.datasets.sources.base import ReadOptions, SourceTable
from dermctl.datasets.sources.registry import get_source
from dermctl.errors import UsageFault
from dermctl.files import replacing
from dermctl.progress import SILENT, Progress
from dermctl.workspace import Workspace

EXAMPLES = 3
SUFFIXES = (".parquet", ".csv")
_ORDER = tuple(Action)

FAULT_SCHEMA = pa.schema(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),  # drop, warn or note
        pa.field("image_id", pa.string()),
        pa.field("path", pa.string()),  # below the raw folder; of the table, for its own faults
        pa.field("source_row", pa.int64()),  # line in the table, the header is line 1
        pa.field("detail", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class ValidateRequest:
    """What to look at and how; the defaults are the command line's."""

    source: str
    raw: Path | None = None
    out: Path | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    workers: int | None = None
    licenses: tuple[str, ...] = ()
    min_class: int = 0
    min_side: int = MIN_SIDE
    max_aspect: float = MAX_ASPECT
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """All that was found for one reason.

    Args:
        reason: its code.
        action: drop, warn or note.
        rows: rows it concerns; faults, where it concerns the table or the folder.
        explanation: what it means.
        examples: the first few, with their details.
    """

    reason: str
    action: str
    rows: int
    explanation: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Validated:
    """What was found.

    Args:
        source: its name.
        raw: the raw folder.
        label: the column that labels come from; None: there are none.
        rows: lines of the table, those that are no rows among them.
        unusable: rows that `data prepare` would drop.
        groups: the faults by reason: what drops rows first, then the most frequent.
        faults: each fault (`FAULT_SCHEMA`).
    """

    source: str
    raw: Path
    label: str | None
    rows: int
    unusable: int
    groups: tuple[Group, ...]
    faults: pa.Table = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {
            "source": self.source,
            "raw": str(self.raw),
            "label": self.label,
            "rows": self.rows,
            "unusable": self.unusable,
            "reasons": [
                {**asdict(group), "examples": list(group.examples)} for group in self.groups
            ],
        }


def validate(
    workspace: Workspace, request: ValidateRequest, progress: Progress = SILENT
) -> Validated:
    """Look at every row and every file of a source, as `data prepare` would.

    Raises:
        DataError: the source cannot be read.
        UsageFault: for a flag that cannot be used as given.
    """
    source = get_source(request.source)
    actions = resolve_actions(request.drop, request.keep)
    if request.out is not None and request.out.suffix.lower() not in SUFFIXES:
        raise UsageFault(
            f"'{request.out.name}' can be neither parquet nor csv",
            where="--out",
            hint="Name a file that ends in .parquet or .csv",
        )
    raw = existing_raw(workspace, source, request.raw)
    table = read_labelled(source, raw.folder, request.read)
    inspected = inspect_source(
        table,
        raw.folder,
        Looking(PACKED_SIDE, request.min_side, request.max_aspect, workers=request.workers),
        actions,
        store=None,
        licenses=request.licenses,
        min_class=request.min_class,
        every_file=True,
        why_missing=raw.why_missing(),
        progress=progress,
    )
    faults = _faults(table, inspected.findings, actions)
    if request.out is not None:
        _write(request.out, faults)
    return Validated(
        source=source.name,
        raw=raw.folder,
        label=table.label_column,
        rows=table.table.num_rows + len(table.malformed),
        unusable=len(inspected.findings.rejected) + len(table.malformed),
        groups=tuple(_groups(faults, inspected.findings)),
        faults=faults,
    )


def _faults(source: SourceTable, findings: Findings, actions: Mapping[str, Action]) -> pa.Table:
    """Each fault of a row, then those of the table and the folder."""
    columns = ("image_id", "path", "expected", "line")
    values = {name: source.table.column(name).to_pylist() for name in columns}
    rows: list[tuple[Any, ...]] = [
        (
            found.code,
            actions[found.code].value,
            values["image_id"][found.row],
            values["path"][found.row] or values["expected"][found.row],
            values["line"][found.row],
            found.detail,
        )
        for found in sorted(findings.every, key=lambda found: found.row)
    ]
    of_rows = {found.code for found in findings.every}
    rows += [
        (
            fault.code,
            actions[fault.code].value,
            fault.image_id,
            fault.file,
            fault.line,
            fault.detail,
        )
        for fault in source.faults
        if fault.code not in of_rows or fault.code == "malformed_row"
    ]
    unlisted = actions["unlisted_file"].value
    rows += [
        ("unlisted_file", unlisted, None, path, None, "no row names it") for path in source.unlisted
    ]
    cells = zip(*rows, strict=True) if rows else [[] for _ in FAULT_SCHEMA]
    return pa.table([list(column) for column in cells], schema=FAULT_SCHEMA)


def _groups(faults: pa.Table, findings: Findings) -> list[Group]:
    by_reason: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for fault in faults.to_pylist():
        by_reason[fault["reason"]].append(fault)
    rows_of: dict[str, set[int]] = defaultdict(set)
    for found in findings.every:
        rows_of[found.code].add(found.row)
    groups = [
        Group(
            reason=code,
            action=str(found[0]["action"]),
            rows=len(rows_of[code]) or len(found),
            explanation=REASONS[code].explanation,
            examples=tuple(_example(fault) for fault in found[:EXAMPLES]),
        )
        for code, found in by_reason.items()
    ]
    return sorted(groups, key=lambda group: (_ORDER.index(Action(group.action)), -group.rows))


def _example(fault: Mapping[str, Any]) -> str:
    name = fault["image_id"] or fault["path"] or ""
    line = "" if fault["source_row"] is None else f" (line {fault['source_row']})"
    return f"{name}{line}: {fault['detail']}"


def _write(path: Path, faults: pa.Table) -> None:
    if path.suffix.lower() == ".parquet":
        write_parquet(path, faults)
        return
    with replacing(path) as temporary:
        pacsv.write_csv(faults, temporary)
