"""``data audit``: what a prepared dataset, or two of them, hold that should not be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.core.data.audit_pictures import PICTURES_FOLDER, picture_findings
from dermctl.core.data.audited import AUDIT_TABLE, Audited, Count
from dermctl.datasets.audit.findings import (
    KINDS,
    TIES,
    Finding,
    as_table,
    touched,
)
from dermctl.datasets.audit.gathered import Images, gather
from dermctl.datasets.audit.similar import across, within
from dermctl.datasets.audit.ties import findings_between, findings_within
from dermctl.datasets.manifest import SPLITS, write_parquet
from dermctl.errors import DataError, UsageFault
from dermctl.progress import SILENT, Progress
from dermctl.report.audit import AuditReport, write_audit_report
from dermctl.runs import now
from dermctl.workspace import DATASET_FILE, Workspace

UNLABELLED = "(none)"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class AuditRequest:
    """What to audit.

    Args:
        name: a prepared dataset.
        against: other prepared datasets; leaks between each of them and `name` are sought too.
        out: folder of the table and the page; None: that of the dataset.
        pictures: whether pictures are shown, embedded or linked.
        workers: processes that compare pictures; None means one for each CPU core.
    """

    name: str
    against: tuple[str, ...] = ()
    out: Path | None = None
    pictures: bool = True
    workers: int | None = None


def audit(workspace: Workspace, request: AuditRequest, progress: Progress = SILENT) -> Audited:
    """Look for leaks, duplicates and conflicts, and write them down; the dataset stays as it is.

    Raises:
        DataError: there is no such dataset, or it is damaged.
        UsageFault: the dataset is to be compared with itself.
    """
    if request.name in request.against:
        raise UsageFault(
            f"'{request.name}' cannot be audited against itself",
            where=f"--against {request.name}",
            hint="Leave it out: leaks between its own splits are looked for in any case",
        )
    others = tuple(dict.fromkeys(request.against))
    folder, *other_folders = (workspace.dataset(name) for name in (request.name, *others))
    document = _document(folder)
    images = gather([folder, *other_folders])
    pairs = within(images, folder, request.workers, progress)
    findings = findings_within(images, request.name, pairs)
    for other in other_folders:
        progress.say(f"comparing '{request.name}' with '{other.name}'")
        between = across(images, folder, other, request.workers, progress)
        findings += findings_between(images, request.name, other.name, between)
    order = list(KINDS)
    findings.sort(key=lambda found: (order.index(found.kind), TIES.index(found.tie)))
    rows = images.rows_of(request.name)
    audited = Audited(
        name=request.name,
        against=others,
        images=len(rows),
        label=document.get("label"),
        counts=_counts(findings, between=bool(others)),
        labels=_by_split(images, rows, images.labels, UNLABELLED),
        skin_types=_by_split(images, rows, images.skin_types, UNKNOWN),
        excluded=int(document.get("rejected", {}).get("excluded", 0)),
        exclusions=document.get("exclusions", []),
        folder=request.out or folder,
        findings=findings,
        gathered=images,
    )
    _write(audited, pictures=request.pictures)
    return audited


def _document(folder: Path) -> dict[str, Any]:
    path = folder / DATASET_FILE
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be read ({type(error).__name__}: {error})",
            where=path,
            hint=f"Prepare it again with: dermctl data prepare … --name {folder.name}",
        ) from error
    return document


def _counts(findings: Sequence[Finding], *, between: bool) -> dict[str, Count]:
    kinds = [kind for kind in KINDS if between or kind not in ("leak_between", "overlap")]
    return {kind: _count([found for found in findings if found.kind == kind]) for kind in kinds}


def _count(findings: Sequence[Finding]) -> Count:
    ties = Counter(found.tie for found in findings)
    ordered = {tie: ties[tie] for tie in TIES if ties[tie]}
    return Count(len(findings), len(touched(findings)), ordered)


def _by_split(
    images: Images, rows: Sequence[int], values: Sequence[Any], unknown: str
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    for row in rows:
        value = unknown if values[row] is None else str(values[row])
        counts[images.splits[row]][value] += 1
    return {split: dict(sorted(found.items())) for split, found in counts.items()}


def _write(audited: Audited, *, pictures: bool) -> None:
    """The pictures first, then the table, then the page that names both."""
    shown = picture_findings(audited.findings, audited.gathered, audited.folder, pictures=pictures)
    write_parquet(audited.table, as_table(audited.findings, audited.gathered))
    audited.write_exclude_list()
    images = audited.gathered
    write_audit_report(
        audited.page,
        AuditReport(
            name=audited.name,
            against=audited.against,
            images=audited.images,
            label=audited.label or "none",
            counts={
                kind: (count.findings, count.images, count.ties)
                for kind, count in audited.counts.items()
            },
            leaks=audited.leaks,
            shown=shown,
            splits=[images.splits[row] for row in images.rows_of(audited.name)],
            labels=[images.labels[row] for row in images.rows_of(audited.name)],
            skin_types=[images.skin_types[row] for row in images.rows_of(audited.name)],
            excluded=audited.excluded,
            exclusions=audited.exclusions,
            synthetic=any(images.synthetic),
            pictures=pictures,
            pictures_folder=PICTURES_FOLDER,
            table=AUDIT_TABLE,
            audited_at=now(),
        ),
    )
