"""``data prepare``: from a source's raw files to manifests, store, rejections and a report."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.core.data.account import Prepared, description
from dermctl.core.data.check import REJECTED
from dermctl.core.data.likeness import joined
from dermctl.core.data.past import Past, read_past
from dermctl.core.data.placing import Placed, Shares, place_images
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
from dermctl.datasets.examine import MAX_ASPECT, MIN_SIDE
from dermctl.datasets.exclusion import Exclusion, read_exclusion
from dermctl.datasets.fingerprints import sha256_prefixes
from dermctl.datasets.inspection import inspect_source
from dermctl.datasets.labelling import read_labelled
from dermctl.datasets.near_duplicates.table import write_near_duplicates
from dermctl.datasets.packer import Looking, keep_only
from dermctl.datasets.packing import PACKED_SIDE
from dermctl.datasets.reasons import Action, resolve_actions
from dermctl.datasets.remembered import write_history
from dermctl.datasets.screening import Findings
from dermctl.datasets.sources.base import ReadOptions, Source, SourceTable
from dermctl.datasets.sources.registry import get_source
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
    lossless: bool = False
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
            lossless=self.lossless,
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
    if not findings.kept(table.num_rows):
        raise DataError(
            f"none of {table.num_rows:,} rows is usable ({_most_common(findings)})",
            where=raw.folder,
            hint=f"This is the layout that is read: {source.layout}",
        )
    placed = place_images(
        name,
        source_table,
        inspected,
        past,
        actions,
        Shares(request.val, request.test, request.seed),
        search=request.near_duplicates,
        workers=request.workers,
        progress=progress,
    )
    kept, groups, splits = placed.kept, placed.groups, placed.splits
    labels = table.take(pa.array(kept, pa.int64())).column("label").to_pylist()
    seen = keep_only(
        folder / STORE_FOLDER, inspected.seen, dict(zip(kept, placed.rows.image_ids, strict=True))
    )
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
        near_duplicates=joined(placed.rows, placed.duplicates, groups, name),
        counts=class_counts(labels, splits),
        groups=group_counts(groups, splits),
        untestable=untestable_classes(labels, groups, splits),
        label=source_table.label_column,
        synthetic=(raw.folder / SYNTHETIC_MARK).exists(),
        target=source_table.target,
    )
    about = description(prepared, source, request.size, placed.recipe, labels)
    write_rejected(folder / REJECTED, name, source_table, findings)
    keep_described(
        folder,
        sha256_prefixes([seen[row].sha256 for row in kept]),
        (seen[row].description for row in kept),
    )
    _write(folder, manifest, placed, about, prepared)
    return prepared


def _write(
    folder: Path, manifest: pa.Table, placed: Placed, about: dict[str, Any], prepared: Prepared
) -> None:
    """The files that tell what is in the dataset, and where."""
    write_splits(folder, manifest, placed.splits, about)
    write_near_duplicates(folder, placed.duplicates)
    write_history(folder, placed.history)
    document = {**about, "prepared_at": now(), **prepared.to_json()}
    write_json(folder / DATASET_FILE, document)
    write_dataset_report(folder / "report.html", document, manifest, placed.splits)


def _exclusions(
    files: Sequence[Path], table: pa.Table, progress: Progress
) -> tuple[Exclusion, ...]:
    """Read the lists of images to leave out, and say what each of them comes to."""
    found = tuple(read_exclusion(path, table) for path in files)
    for exclusion in found:
        progress.say(str(exclusion))
    return found


def _most_common(findings: Findings) -> str:
    counts = Counter(code for code, _ in findings.rejected.values())
    return ", ".join(f"{code} {count:,}" for code, count in counts.most_common(3)) or "it is empty"
