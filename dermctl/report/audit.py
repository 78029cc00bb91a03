"""The page that `data audit` writes: what was found, with the pictures of a pair side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.datasets.audit.findings import KINDS
from dermctl.datasets.splits import SPLITS
from dermctl.files import write_text
from dermctl.report.page import render
from dermctl.report.pictures import data_address, relative_link
from dermctl.report.tallies import cross_table
from dermctl.report.wording import SKIN_TYPES

TITLES: Mapping[str, str] = {
    "leak": "Leaks across splits",
    "leak_between": "Leaks between datasets",
    "overlap": "Overlap of the datasets outside of test",
    "label_conflict": "Label conflicts",
    "byte_identical": "Byte-identical files",
    "near_duplicate": "Near-duplicates",
    "large_component": "Large components to look at",
}
"""What a kind of finding is called on the page."""


@dataclass(frozen=True)
class ShownImage:
    """One image of a finding.

    Args:
        image_id, dataset, split, label: of the image; a label that is None is unknown.
        picture: JPEG or PNG bytes to embed; None: not embedded.
        blurred: whether it shows only when it is clicked.
    """

    image_id: str
    dataset: str
    split: str
    label: str | None
    picture: bytes | None
    blurred: bool

    @property
    def address(self) -> str | None:
        """The picture as a data address."""
        return None if self.picture is None else data_address(self.picture)


@dataclass(frozen=True)
class ShownFinding:
    """One finding on the page.

    Args:
        kind, tie, detail, score: as in `dermctl.datasets.audit.findings.Finding`.
        more: images of it that are not shown.
        link: relative address of a file with its pictures side by side; None: there is none.
        images: those that are shown.
    """

    kind: str
    tie: str
    detail: str
    score: int | None
    more: int
    link: str | None
    images: tuple[ShownImage, ...]

    @property
    def address(self) -> str | None:
        """The link, quoted."""
        return None if self.link is None else relative_link(self.link)


@dataclass(frozen=True)
class AuditReport:
    """One audit.

    Args:
        name: of the dataset.
        against: datasets that it was compared with.
        images: of the dataset.
        label: what its label is.
        counts: kind -> findings, images in them, findings by tie.
        leaks: findings that are leaks.
        shown: the findings on the page, kind after kind.
        splits, labels, skin_types: of each image of the dataset.
        excluded: rows that lists left out when it was prepared.
        exclusions: these lists, as in ``dataset.json``.
        synthetic: whether any image is drawn by code.
        pictures: whether pictures are shown.
        pictures_folder, table: what lies beside the page.
        audited_at: when.
    """

    name: str
    against: Sequence[str]
    images: int
    label: str
    counts: Mapping[str, tuple[int, int, Mapping[str, int]]]
    leaks: int
    shown: Sequence[ShownFinding]
    splits: Sequence[str]
    labels: Sequence[str | None]
    skin_types: Sequence[int | None]
    excluded: int
    exclusions: Sequence[Mapping[str, Any]]
    synthetic: bool
    pictures: bool
    pictures_folder: str
    table: str
    audited_at: str


def write_audit_report(path: Path, report: AuditReport) -> None:
    """Write an audit as one self-contained HTML page.

    Raises:
        ValueError: for a picture that is no JPEG or PNG, or a link that is not relative.
    """
    page = render(
        "audit.html",
        report=report,
        synthetic=report.synthetic,
        titles=TITLES,
        explanations=KINDS,
        sections=[
            (kind, report.counts[kind], [found for found in report.shown if found.kind == kind])
            for kind in report.counts
            if report.counts[kind][0]
        ],
        linked=any(found.link for found in report.shown),
        classes=cross_table("class", report.labels, report.splits, SPLITS, unknown="no label"),
        skin_types=cross_table(
            "skin type", report.skin_types, report.splits, SPLITS, name=_skin_type
        ),
        skin_known=any(value is not None for value in report.skin_types),
    )
    write_text(path, page)


def _skin_type(number: int) -> str:
    return SKIN_TYPES.get(number, str(number))
