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
from dermctl.core.data.past import Past, read_past
from dermctl.core.data.raw import Raw, complete_raw, refuse_lost_classes
from dermctl.datasets.assembly import (
    assemble_manifest,
    class_counts,
    group_counts,
    most_first,
    rejected_counts,
    table_fault_counts,
    untestable_classes,
    write_rejected,
    write_splits,
)
from dermctl.datasets.division import (
    Recipe,
    Rows,
    divide,
    keeps_its_split,
    published_splits,
    to_withdraw,
)
from dermctl.datasets.examine import MAX_ASPECT, MIN_SIDE
from dermctl.datasets.inspection import inspect_source
from dermctl.datasets.manifest import MANIFEST_VERSION
from dermctl.datasets.packer import Looking, Seen, repack
from dermctl.datasets.packing import PACKED_SIDE
from dermctl.datasets.reasons import Action, resolve_actions
from dermctl.datasets.screening import Findings
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.registry import get_source
from dermctl.datasets.splits import SPLITS
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
    """What to prepare and how; the defaults are the command line's.

    Shares and seed that are None are those of the dataset that is there, else ``Recipe``'s.
    """

    source: str
    raw: Path | None = None
    name: str | None = None
    read: ReadOptions = field(default_factory=ReadOptions)
    size: int = PACKED_SIDE
    val: float | None = None
    test: float | None = None
    seed: int | None = None
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
    was there under the same name stays until the new dataset is whole, and each of its images
    keeps its split.

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
    past = read_past(place, source.name)
    building = place.with_name(f".{name}.partial")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        prepared = _build(
            building, place, name, raw, source, source_table, past, actions, request, progress
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
    past: Past,
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
    rows = _rows(table, kept, inspected.seen)
    recipe = _recipe(name, rows, past, request, progress)
    row_of = dict(zip(rows.image_ids, kept, strict=True))
    for gone in to_withdraw(rows, past.splits, recipe.official):
        detail = past.why.get(gone.image_id, gone.detail)
        findings.found(row_of[gone.image_id], gone.reason, detail, actions)
    kept = findings.kept(len(labels))
    seen = _without_rejected(folder, table, inspected.seen, kept)
    groups, assignment = divide(name, _rows(table, kept, seen), recipe, past.splits)
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
        untestable=untestable_classes([labels[row] for row in kept], groups, splits),
        label=source_table.label_column,
        synthetic=(raw.folder / SYNTHETIC_MARK).exists(),
    )
    description = _description(prepared, source, request, recipe, [labels[row] for row in kept])
    write_splits(folder, manifest, splits, description)
    write_rejected(folder / "rejected.parquet", name, source_table, findings)
    document = {**description, "prepared_at": now(), **prepared.to_json()}
    write_json(folder / DATASET_FILE, document)
    write_dataset_report(folder / "report.html", document, manifest, splits)
    return prepared


def _description(
    prepared: Prepared,
    source: Source,
    request: PrepareRequest,
    recipe: Recipe,
    labels: Sequence[str | None],
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
        "split": recipe.to_json(),
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


def _rows(table: pa.Table, kept: Sequence[int], seen: Mapping[int, Seen]) -> Rows:
    """What the split depends on, of the rows that are kept."""
    rows = table.take(pa.array(kept, pa.int64()))

    def column(key: str) -> list[Any]:
        values: list[Any] = rows.column(key).to_pylist()
        return values

    return Rows(
        image_ids=column("image_id"),
        patient_ids=column("patient_id"),
        lesion_ids=column("lesion_id"),
        sha256s=[seen[row].sha256 for row in kept],
        labels=column("finest_label"),
        skin_types=column("fitzpatrick"),
        official=column("split"),
    )


def _recipe(
    name: str, rows: Rows, past: Past, request: PrepareRequest, progress: Progress
) -> Recipe:
    """How to divide; what is taken from before or from the publisher is said."""
    recipe = (past.recipe or Recipe()).changed(request.val, request.test, request.seed)
    published = {*recipe.official, *published_splits(rows.official)}
    recipe = replace(recipe, official=tuple(split for split in SPLITS if split in published))
    if past.recipe is not None:
        keeping = keeps_its_split(past.splits, rows.image_ids)
        new = len(rows.image_ids) - keeping
        progress.say(
            f"'{name}' is there already: its {keeping:,} images keep their split, {new:,} others "
            f"fill what is short ({recipe}); draw anew with: dermctl data split {name}"
        )
    elif recipe.official:
        progress.say(f"the source's own split is kept: {', '.join(recipe.official)}")
    return recipe


def _most_common(findings: Findings) -> str:
    counts = Counter(code for code, _ in findings.rejected.values())
    return ", ".join(f"{code} {count:,}" for code, count in counts.most_common(3)) or "it is empty"
