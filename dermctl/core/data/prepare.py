"""``data prepare``: from a source's raw files to manifests, store, rejections and a report."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.core.data.account import Prepared, description
from dermctl.core.data.likeness import joined, near_duplicates
from dermctl.core.data.past import Past, continued_recipe, read_past
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
from dermctl.datasets.descriptors import keep_described
from dermctl.datasets.division import Rows, divide, to_withdraw
from dermctl.datasets.examine import MAX_ASPECT, MIN_SIDE
from dermctl.datasets.exclusion import Exclusion, read_exclusion
from dermctl.datasets.fingerprints import sha256_prefixes
from dermctl.datasets.inspection import inspect_source
from dermctl.datasets.labelling import read_labelled
from dermctl.datasets.near_duplicates.table import write_near_duplicates
from dermctl.datasets.packer import Looking, Seen, repack
from dermctl.datasets.packing import PACKED_SIDE
from dermctl.datasets.reasons import Action, resolve_actions
from dermctl.datasets.remembered import write_history
from dermctl.datasets.screening import Findings
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.registry import get_source
from dermctl.datasets.splits import SPLITS
from dermctl.datasets.store import STORE_FOLDER
from dermctl.datasets.synthetic.folder import MARKER as SYNTHETIC_MARK
from dermctl.errors import DataError
from dermctl.files import sole_writer, swap_folder, write_json
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
    exclude: tuple[Path, ...] = ()
    near_duplicates: bool = True
    allow_missing: bool = False

    @property
    def looking(self) -> Looking:
        """How files are looked at."""
        return Looking(
            self.size,
            self.min_side,
            self.max_aspect,
            keypoints=self.near_duplicates,
            workers=self.workers,
        )


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
    source_table = read_labelled(source, raw.folder, request.read)
    refuse_lost_classes(raw, source_table, allow_missing=request.allow_missing)
    place = workspace.data / name
    building = place.with_name(f".{name}.partial")
    with sole_writer(place):
        past = read_past(place, source.name)
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
    exclusions = _exclusions(request.exclude, table, progress)
    inspected = inspect_source(
        source_table,
        raw.folder,
        request.looking,
        actions,
        store=folder / STORE_FOLDER,
        licenses=request.licenses,
        min_class=request.min_class,
        excluded={row: why for found in exclusions for row, why in found.rows.items()},
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
    # Images that only their label drops are divided too: so another label moves no other image.
    usable = [row for row in sorted(inspected.seen) if row not in findings.unusable]
    rows = _rows(table, usable, inspected.seen)
    duplicates = near_duplicates(
        table.column("image_id").to_pylist(),
        inspected.seen,
        usable,
        source_table.duplicates,
        search=request.near_duplicates,
        workers=request.workers,
        progress=progress,
    )
    recipe = continued_recipe(
        name,
        past,
        rows,
        val=request.val,
        test=request.test,
        seed=request.seed,
        near_duplicates=request.near_duplicates,
        progress=progress,
    )
    row_of = dict(zip(rows.image_ids, usable, strict=True))
    withdrawals = to_withdraw(rows, past.splits, recipe.official, duplicates.ids())
    for gone in withdrawals:
        findings.found(row_of[gone.image_id], gone.reason, past.explain(gone), actions)
    usable = [row for row in usable if row not in findings.unusable]
    divided = _rows(table, usable, inspected.seen)
    every_group, assignment = divide(name, divided, recipe, past.splits, duplicates.ids())
    kept = findings.kept(len(labels))
    among = [place for place, row in enumerate(usable) if row not in findings.rejected]
    rows = divided.take(among)
    groups = [every_group[place] for place in among]
    splits = [assignment.splits[place] for place in among]
    _refuse_emptied(assignment.splits, splits)
    seen = _without_rejected(folder, table, inspected.seen, kept)
    manifest = assemble_manifest(name, table, kept, seen, groups)
    prepared = Prepared(
        name=name,
        folder=place,
        rows=table.num_rows + len(source_table.malformed),
        kept=len(kept),
        rejected=rejected_counts(source_table, findings),
        noted=most_first(findings.noted),
        table_faults=table_fault_counts(source_table),
        exclusions=exclusions,
        near_duplicates=joined(rows, duplicates, groups, name),
        counts=class_counts([labels[row] for row in kept], splits),
        groups=group_counts(groups, splits),
        untestable=untestable_classes([labels[row] for row in kept], groups, splits),
        label=source_table.label_column,
        synthetic=(raw.folder / SYNTHETIC_MARK).exists(),
        target=source_table.target,
    )
    about = description(prepared, source, request.size, recipe, [labels[row] for row in kept])
    write_splits(folder, manifest, splits, about)
    write_rejected(folder / "rejected.parquet", name, source_table, findings)
    write_near_duplicates(folder, duplicates)
    found = (seen[row].description for row in kept)
    keep_described(folder, sha256_prefixes([seen[row].sha256 for row in kept]), found)
    now_in = dict(zip(divided.image_ids, assignment.splits, strict=True))
    write_history(folder, past.history.grown(now_in, withdrawals))
    document = {**about, "prepared_at": now(), **prepared.to_json()}
    write_json(folder / DATASET_FILE, document)
    write_dataset_report(folder / "report.html", document, manifest, splits)
    return prepared


def _exclusions(
    files: Sequence[Path], table: pa.Table, progress: Progress
) -> tuple[Exclusion, ...]:
    """Read the lists of images to leave out, and say what each of them comes to."""
    found = tuple(read_exclusion(path, table) for path in files)
    for exclusion in found:
        progress.say(str(exclusion))
    return found


def _refuse_emptied(divided: Sequence[str], kept: Sequence[str]) -> None:
    """A split may hold nothing but images that their label drops."""
    for split in SPLITS:
        if split in divided and split not in kept:
            raise DataError(
                f"no image with a class is left in the {split} split",
                hint="Choose another --label, or leave --min-class out",
            )


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


def _most_common(findings: Findings) -> str:
    counts = Counter(code for code, _ in findings.rejected.values())
    return ", ".join(f"{code} {count:,}" for code, count in counts.most_common(3)) or "it is empty"
