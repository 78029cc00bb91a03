"""What the audit of one column finds (`subgroups`), as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dermctl.metrics.bootstrap import Interval, per_class_to_json
from dermctl.metrics.permutation import Permuted
from dermctl.metrics.results import plain


@dataclass(frozen=True)
class Gap:
    """How far a subgroup is behind the best, on one metric.

    Attributes:
        best: name of the best ranked subgroup.
        interval: its value less this one's (the other way round where lower is better). The best
            is the best on the images; the interval does not know that it was picked.
        classes_differ: classes that only one of the two averages over; the gap is then not
            between like and like.
    """

    best: str
    interval: Interval
    classes_differ: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {
            "best": self.best,
            **self.interval.to_json(),
            "classes_differ": list(self.classes_differ),
        }


@dataclass(frozen=True)
class Subgroup:
    """One subgroup's metrics.

    Attributes:
        name: the column's value, as text.
        images, clusters: how many.
        ranked: whether it has enough images (and a known value) to be compared.
        intervals: overall metric → value with interval.
        per_class: class name → per-class metric → value with interval.
        gaps: overall metric → gap to the best; empty if not ranked.
        undefined: metric → why it has no value or leaves classes out.
    """

    name: str
    images: int
    clusters: int
    ranked: bool
    intervals: dict[str, Interval]
    per_class: dict[str, dict[str, Interval]]
    gaps: dict[str, Gap]
    undefined: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {
            "name": self.name,
            "images": self.images,
            "clusters": self.clusters,
            "ranked": self.ranked,
            "intervals": {name: interval.to_json() for name, interval in self.intervals.items()},
            "per_class": per_class_to_json(self.per_class),
            "gaps": {name: gap.to_json() for name, gap in self.gaps.items()},
            "undefined": dict(self.undefined),
        }


@dataclass(frozen=True)
class Disparity:
    """A disparity over the ranked subgroups (`fairness`).

    It has no bootstrap interval: resampling adds noise to every subgroup's rate, which pushes the
    least and the greatest further apart, so that the percentiles can leave the value itself out.

    Attributes:
        value: NaN where undefined in every class.
        permuted: the same with shuffled subgroups.
        left_out: classes in which it is undefined.
    """

    value: float
    permuted: Permuted
    left_out: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {
            "value": plain(self.value),
            "permuted": self.permuted.to_json(),
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True)
class SubgroupAudit:
    """The audit of one column.

    Attributes:
        column: its name.
        subgroups: those with a known value, in order.
        unknown: the images whose value is not known; None if there are none.
        disparities: "pqd", "dpm", "eom", "equalised_odds_difference" → over the ranked subgroups;
            empty if fewer than two are ranked.
        min_images: what a subgroup needs to be ranked.
    """

    column: str
    subgroups: tuple[Subgroup, ...]
    unknown: Subgroup | None
    disparities: dict[str, Disparity]
    min_images: int

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {
            "column": self.column,
            "min_images": self.min_images,
            "subgroups": [subgroup.to_json() for subgroup in self.subgroups],
            "unknown": None if self.unknown is None else self.unknown.to_json(),
            "disparities": {name: each.to_json() for name, each in self.disparities.items()},
        }
