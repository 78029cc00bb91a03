"""``data prepare``: from a source's raw files to manifests, store, rejections and a report."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl import __version__
from dermctl.core.data.raw import Raw, complete_raw, refuse_lost_classes
from dermctl.datasets.assembly import (
    assemble_manifest,
    class_counts,
    group_counts,
    most_first,
    rejected_counts,
    table_fault_counts,
    write_rejected,
    write_splits,
)
from dermctl.datasets.examine import MAX_ASPECT, MIN_SIDE
from dermctl.datasets.groups import group_images
from dermctl.datasets.inspection import inspect_source
from dermctl.datasets.manifest import MANIFEST_VERSION
from dermctl.datasets.packer import Looking, Seen, repack
from dermctl.datasets.packing import PACKED_SIDE
from dermctl.datasets.reasons import Action, resolve_actions
from dermctl.datasets.screening import Findings
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.registry import get_source
from dermctl.datasets.splits import Assignment, assign_splits
from dermctl.datasets.store import STORE_FOLDER
from dermctl.datasets.synthetic.folder import LICENSE as SYNTHETIC_LICENSE
from dermctl.datasets.synthetic.folder import MARKER as SYNTHETIC_MARK
from dermctl.errors import DataError
from dermctl.files import recover_folder, swap_folder, write_json
from dermctl.progress import SILENT, Progress
from dermctl.report.dataset import write_dataset_report
from dermctl.runs import now
from dermctl.workspace import DATASET_FILE, Workspace, check_name


@dataclass(frozen=True)
class PrepareRequest:
    """What to prepare and how; the defaults are the command line's."""

    source: str
    raw: Path | None = None
    name: str | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    size: int = PACKED_SIDE
    val: float = 0.1
    test: float = 0.2
    seed: int = 0
    workers: int | None = None
    licenses: tuple[str, ...] = ()
    min_class: int = 0
    min_side: int = MIN_SIDE
    max_aspect: float = MAX_ASPECT
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    allow_missing: bool = False

    @property
    def looking(self) -> Looking:
        """How files are looked at."""
        return Looking(self.size, self.min_side, self.max_aspect, workers=self.workers)


@dataclass(frozen=True)
class Prepared:
    """What came of it. Rows in = kept + rejected, always."""

    name: str
    folder: Path
    rows: int
    kept: int
    rejected: Mapping[str, int]
    noted: Mapping[str, int]
    table_faults: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]  # split -> class -> images
    groups: Mapping[str, int]  # split -> groups
    untestable: Mapping[str, int]
    label: str | None
    synthetic: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "rows": self.rows,
            "kept": self.kept,
            "rejected": dict(self.rejected),
            "noted": dict(self.noted),
            "table_faults": dict(self.table_faults),
            "splits": {split: dict(counts) for split, counts in self.counts.items()},
            "groups": dict(self.groups),
            "untestable": dict(self.untestable),
            "label": self.label,
            "synthetic": self.synthetic,
        }


def prepare(workspace: Workspace, request: PrepareRequest, progress: Progress = SILENT) -> Prepared:
    """Read a source, drop what is unusable, split, pack, and put the dataset in its place.

    Without a raw folder the source is downloaded first, where it is not there or not whole. What
    was there under the same name stays until the new dataset is whole.

    Raises:
        DataError: when the source cannot be read, a download left files for another time or lost
            most of a class, or nothing usable is left.
        UsageFault: for a flag that cannot be used as given.
    """
    source = get_source(request.source)
    actions = resolve_actions(request.drop, request.keep)
    name = check_name(request.name or source.name)
    raw = complete_raw(
        workspace,
        source,
        request.raw,
        request.read,
        allow_missing=request.allow_missing,
        progress=progress,
    )
    source_table = source.read(raw.folder, request.read)
    refuse_lost_classes(raw, source_table, allow_missing=request.allow_missing)
    place = workspace.data / name
    recover_folder(place)
    building = place.with_name(f".{name}.partial")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        prepared = _build(
            building, place, name, raw, source, source_table, actions, request, progress
        )
        swap_folder(building, place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return prepared


def _build(
    folder: Path,
    place: Path,
    name: str,
    raw: Raw,
    source: Source,
    source_table: SourceTable,
    actions: Mapping[str, Action],
    request: PrepareRequest,
    progress: Progress,
) -> Prepared:
    table = source_table.table
    labels: list[str | None] = table.column("label").to_pylist()
    inspected = inspect_source(
        source_table,
        raw.folder,
        request.looking,
        actions,
        store=folder / STORE_FOLDER,
        licenses=request.licenses,
        min_class=request.min_class,
        why_missing=raw.why_missing(),
        progress=progress,
    )
    findings = inspected.findings
    kept = findings.kept(len(labels))
    if not kept:
        raise DataError(
            f"none of {table.num_rows:,} rows is usable ({_most_common(findings)})",
            where=raw.folder,
            hint=f"This is the layout that is read: {source.layout}",
        )
    seen = _without_rejected(folder, table, inspected.seen, kept)
    groups, assignment = _divide(name, table, kept, seen, request)
    manifest = assemble_manifest(name, table, kept, seen, groups)
    splits = assignment.splits
    prepared = Prepared(
        name=name,
        folder=place,
        rows=table.num_rows + len(source_table.malformed),
        kept=len(kept),
        rejected=rejected_counts(source_table, findings),
        noted=most_first(findings.noted),
        table_faults=table_fault_counts(source_table),
        counts=class_counts([labels[row] for row in kept], splits),
        groups=group_counts(groups, splits),
        untestable=dict(sorted(assignment.untestable.items())),
        label=source_table.label_column,
        synthetic=(raw.folder / SYNTHETIC_MARK).exists(),
    )
    description = _description(prepared, source, request, [labels[row] for row in kept])
    write_splits(folder, manifest, splits, description)
    write_rejected(folder / "rejected.parquet", name, source_table, findings)
    document = {**description, "prepared_at": now(), **prepared.to_json()}
    write_json(folder / DATASET_FILE, document)
    write_dataset_report(folder / "report.html", document, manifest, splits)
    return prepared


def _description(
    prepared: Prepared, source: Source, request: PrepareRequest, labels: Sequence[str | None]
) -> dict[str, Any]:
    """What holds for the whole dataset: written into each manifest and into dataset.json."""
    return {
        "manifest_version": MANIFEST_VERSION,
        "dermctl": __version__,
        "name": prepared.name,
        "source": source.name,
        "title": source.title,
        "label": prepared.label,
        "classes": sorted({label for label in labels if label is not None}),
        "untestable": dict(prepared.untestable),
        "split": {
            "val": request.val,
            "test": request.test,
            "seed": request.seed,
            "grouped_by": ["patient", "lesion", "identical bytes"],
            "stratified_on": ["finest label", "skin type"],
        },
        "size": request.size,
        # Drawn images only borrow the layout of a source: no patient's licence or paper holds.
        "license": SYNTHETIC_LICENSE if prepared.synthetic else source.license,
        "citation": "" if prepared.synthetic else source.citation,
        "synthetic": prepared.synthetic,
    }


def _without_rejected(
    folder: Path, table: pa.Table, seen: dict[int, Seen], kept: Sequence[int]
) -> dict[int, Seen]:
    if len(kept) == len(seen):
        return seen
    ids = table.column("image_id").to_pylist()
    store, packed = folder / STORE_FOLDER, folder / f"{STORE_FOLDER}.kept"
    old = [(seen[row].shard, seen[row].row) for row in kept]
    new = repack(store, packed, [ids[row] for row in kept], old)
    shutil.rmtree(store)
    packed.replace(store)
    return {
        row: replace(seen[row], shard=shard, row=place)
        for row, (shard, place) in zip(kept, new, strict=True)
    }


def _divide(
    name: str,
    table: pa.Table,
    kept: Sequence[int],
    seen: Mapping[int, Seen],
    request: PrepareRequest,
) -> tuple[list[str], Assignment]:
    def column(key: str) -> list[Any]:
        values = table.column(key).to_pylist()
        return [values[row] for row in kept]

    groups = group_images(
        column("patient_id"),
        column("lesion_id"),
        [seen[row].sha256 for row in kept],
        None,
        column("image_id"),
        name,
    )
    assignment = assign_splits(
        groups,
        column("finest_label"),
        val=request.val,
        test=request.test,
        seed=request.seed,
        skin_types=column("fitzpatrick"),
    )
    return groups, assignment


def _most_common(findings: Findings) -> str:
    counts = Counter(code for code, _ in findings.rejected.values())
    return ", ".join(f"{code} {count:,}" for code, count in counts.most_common(3)) or "it is empty"
