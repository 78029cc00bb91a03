"""Which findings an audit's page shows, and their pictures: embedded, or linked beside the page."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dermctl.datasets.audit.findings import (
    LARGE_COMPONENT,
    NEAR_DUPLICATE,
    PIXELS,
    Finding,
)
from dermctl.datasets.audit.gathered import Images
from dermctl.datasets.colour_conversion import Pixels
from dermctl.datasets.packing import encode
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.datasets.stored_pixels import stored_pixels
from dermctl.files import swap_folder
from dermctl.report.audit import ShownFinding, ShownImage
from dermctl.report.pictures import is_blurred, may_embed

PICTURES_FOLDER = "audit_pictures"
"""Beside the page: pictures whose licence does not let them be passed on."""
MOST_SHOWN = 24
"""Findings of one kind on the page; all are in the table."""
MOST_IMAGES = 12
"""Images of one finding on the page."""
_GAP = 8
"""Pixels between pictures laid side by side."""


def picture_findings(
    findings: Sequence[Finding], images: Images, folder: Path, *, pictures: bool
) -> list[ShownFinding]:
    """The findings for the page, kind after kind, with two pictures each (components: more).

    A picture is embedded where its licence lets it be passed on. Where one of a finding's may not
    be, its pictures are written side by side into ``audit_pictures/`` beside the page.

    Args:
        findings: in order.
        images: what they name.
        folder: of the page.
        pictures: whether there are any.
    """
    building = folder / f".{PICTURES_FOLDER}.partial"
    place = folder / PICTURES_FOLDER
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    stores: dict[Path, Store] = {}
    try:
        shown = [
            _shown(number, finding, images, stores, building, pictures=pictures)
            for number, finding in enumerate(_chosen(findings))
        ]
        if any(building.iterdir()):
            swap_folder(building, place)
        else:
            shutil.rmtree(place, ignore_errors=True)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return shown


def _chosen(findings: Sequence[Finding]) -> list[Finding]:
    """The first of each kind; of near-duplicates first those that no id ties, the surest first."""
    chosen: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=_interest):
        own = chosen.setdefault(finding.kind, [])
        if len(own) < MOST_SHOWN:
            own.append(finding)
    kinds = dict.fromkeys(finding.kind for finding in findings)
    return [finding for kind in kinds for finding in chosen[kind]]


def _interest(finding: Finding) -> tuple[bool, bool, int]:
    tied = finding.kind == NEAR_DUPLICATE and not finding.detail.endswith("not tied by any id")
    return tied, finding.tie != PIXELS, -(finding.score or 0)


def _shown(
    number: int,
    finding: Finding,
    images: Images,
    stores: dict[Path, Store],
    building: Path,
    *,
    pictures: bool,
) -> ShownFinding:
    rows = _representatives(finding, images)
    places = [_place(images, row, stores) for row in rows] if pictures else []
    embedded = pictures and all(
        may_embed(images.licenses[row], images.sources[row], synthetic=images.synthetic[row])
        for row in rows
    )
    link = None
    if pictures and not embedded:
        name = f"{number:03d}-{finding.kind}.jpg"
        sheet = _side_by_side([stored_pixels(*place) for place in places])
        (building / name).write_bytes(encode(sheet))
        link = f"{PICTURES_FOLDER}/{name}"
    return ShownFinding(
        kind=finding.kind,
        tie=finding.tie,
        detail=finding.detail,
        score=finding.score,
        more=len(finding.rows) - len(rows),
        link=link,
        images=tuple(
            ShownImage(
                image_id=images.image_ids[row],
                dataset=images.datasets[row],
                split=images.splits[row],
                label=images.labels[row],
                picture=_packed(*places[number]) if embedded else None,
                blurred=is_blurred(images.modalities[row], synthetic=images.synthetic[row]),
            )
            for number, row in enumerate(rows)
        ),
    )


def _representatives(finding: Finding, images: Images) -> list[int]:
    """Two images of the finding, as different as they are in dataset, split and label."""
    rows = list(finding.rows)
    if finding.kind == LARGE_COMPONENT:
        return rows[:MOST_IMAGES]

    def differs(row: int) -> int:
        columns = (images.datasets, images.splits, images.labels)
        return sum(column[row] != column[rows[0]] for column in columns)

    return [rows[0], max(rows[1:], key=differs)]


def _place(images: Images, row: int, stores: dict[Path, Store]) -> tuple[Store, int, int]:
    folder, shard, place = images.places[row]
    return stores.setdefault(folder, Store(folder / STORE_FOLDER)), shard, place


def _packed(store: Store, shard: int, row: int) -> bytes:
    return bytes(store.read(shard, row))


def _side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Pictures in a row on white."""
    height = max(part.shape[0] for part in pictures)
    width = sum(part.shape[1] for part in pictures) + _GAP * (len(pictures) - 1)
    sheet = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for part in pictures:
        sheet[: part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1] + _GAP
    return sheet
