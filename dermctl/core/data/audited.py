"""What an audit comes to, and what it leaves behind."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dermctl.datasets.audit.findings import LEAK_BETWEEN, LEAKS, Finding, touched
from dermctl.datasets.audit.gathered import Images
from dermctl.files import write_text

AUDIT_TABLE = "audit.parquet"
AUDIT_PAGE = "audit.html"
EXCLUDE_LIST = "audit_exclude.csv"
"""Images of the dataset that leak into another one, as `data prepare --exclude` takes them."""


@dataclass(frozen=True)
class Count:
    """Findings of one kind.

    Args:
        findings: how many.
        images: different images that they name.
        ties: findings by what ties the images together.
    """

    findings: int
    images: int
    ties: Mapping[str, int]


@dataclass(frozen=True)
class Audited:
    """What was found.

    Args:
        name, against: as asked.
        images: how many images the dataset has.
        label: what its label is.
        counts: kind of finding -> how many; every kind that was looked for.
        labels, skin_types: split -> value -> images of the dataset.
        excluded: rows that lists of images left out when it was prepared.
        exclusions: these lists, as in ``dataset.json``.
        folder: where the table and the page lie.
        findings: every finding, the gravest kind first.
        gathered: the images that findings name by row.
    """

    name: str
    against: tuple[str, ...]
    images: int
    label: str | None
    counts: Mapping[str, Count]
    labels: Mapping[str, Mapping[str, int]]
    skin_types: Mapping[str, Mapping[str, int]]
    excluded: int
    exclusions: Sequence[Mapping[str, Any]]
    folder: Path
    findings: Sequence[Finding] = field(repr=False)
    gathered: Images = field(repr=False)

    @property
    def leaks(self) -> int:
        """Findings that are leaks, across splits or between datasets."""
        return sum(self.counts[kind].findings for kind in LEAKS if kind in self.counts)

    @property
    def table(self) -> Path:
        """One row a finding."""
        return self.folder / AUDIT_TABLE

    @property
    def exclude_list(self) -> Path | None:
        """Images to leave out so that nothing leaks between the datasets; None: there is none."""
        return self.folder / EXCLUDE_LIST if self._leaking() else None

    def _leaking(self) -> list[str]:
        rows = touched(found for found in self.findings if found.kind == LEAK_BETWEEN)
        own = [row for row in rows if self.gathered.datasets[row] == self.name]
        return sorted(self.gathered.image_ids[row] for row in own)

    def write_exclude_list(self) -> None:
        """Write it where there is one, and remove that of an audit before."""
        lines = self._leaking()
        if lines:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([["image_id"], *([x] for x in lines)])
            write_text(self.folder / EXCLUDE_LIST, text.getvalue())
        else:
            (self.folder / EXCLUDE_LIST).unlink(missing_ok=True)

    @property
    def page(self) -> Path:
        """The report."""
        return self.folder / AUDIT_PAGE

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them; each finding stands in the table."""
        return {
            "name": self.name,
            "against": list(self.against),
            "images": self.images,
            "label": self.label,
            "leaks": self.leaks,
            "findings": {
                kind: {
                    "findings": count.findings,
                    "images": count.images,
                    "ties": dict(count.ties),
                }
                for kind, count in self.counts.items()
            },
            "labels": {split: dict(counts) for split, counts in self.labels.items()},
            "skin_types": {split: dict(counts) for split, counts in self.skin_types.items()},
            "excluded": self.excluded,
            "exclusions": [dict(exclusion) for exclusion in self.exclusions],
            "table": str(self.table),
            "exclude_list": None if self.exclude_list is None else str(self.exclude_list),
            "report": str(self.page),
        }
