"""The tables of an evaluation's report, from the plain values of ``metrics``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dermctl.report import wording
from dermctl.report.numbers import UNDEFINED, bounds, decimal

MOST_CONFUSIONS = 12
FEW_IMAGES = 30
"""A class with fewer images is pointed out: its figures rest on little."""


@dataclass(frozen=True)
class Cell:
    """A value with its bounds, as they are written; ``reason`` says why there is no value."""

    value: str
    bounds: str = ""
    reason: str = ""


def cell(interval: Mapping[str, Any] | None, reason: str = "") -> Cell:
    """An interval of ``metrics`` as a cell."""
    if interval is None or decimal(interval.get("value")) == UNDEFINED:
        return Cell(UNDEFINED, reason=reason or "undefined")
    return Cell(decimal(interval["value"]), bounds(interval))


@dataclass(frozen=True)
class MetricRow:
    """One overall metric."""

    key: str
    title: str
    cell: Cell
    definition: str
    remark: str


def overall_rows(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """Every overall metric: the known ones in the order of `wording.OVERALL`, then the others."""
    intervals = metrics["intervals"]
    known = [key for key in wording.OVERALL if key in intervals]
    others = [key for key in intervals if key not in wording.OVERALL]
    undefined = metrics.get("undefined", {})
    return [
        MetricRow(
            key,
            wording.title(wording.OVERALL, key),
            cell(intervals[key], undefined.get(key, "")),
            wording.definition(wording.OVERALL, key),
            undefined.get(key, ""),
        )
        for key in [*known, *others]
    ]


@dataclass(frozen=True)
class ClassRow:
    """One class: its images and a cell for each of the columns."""

    name: str
    images: int
    cells: tuple[Cell, ...]


def class_rows(metrics: Mapping[str, Any]) -> list[ClassRow]:
    """Every class with the metrics of `wording.PER_CLASS`."""
    undefined = metrics.get("undefined", {})
    rows = []
    for name, images in zip(metrics["class_names"], metrics["support"], strict=True):
        own = metrics["per_class"][name]
        cells = [cell(own.get(key), _why(undefined, key, name)) for key in wording.PER_CLASS]
        rows.append(ClassRow(name, images, tuple(cells)))
    return rows


def undefined_notes(rows: Iterable[ClassRow]) -> list[str]:
    """Why cells have no value, once for each reason: ``no images of this class: DF (AUROC), …``."""
    found: dict[str, dict[str, list[str]]] = {}
    titles = [words.title for words in wording.PER_CLASS.values()]
    for row in rows:
        for title, each in zip(titles, row.cells, strict=True):
            if each.reason:
                found.setdefault(each.reason, {}).setdefault(row.name, []).append(title)
    return [
        f"{UNDEFINED} {reason}: "
        + "; ".join(f"{name} ({', '.join(metrics)})" for name, metrics in classes.items())
        for reason, classes in found.items()
    ]


def interval_notes(metrics: Mapping[str, Any]) -> list[str]:
    """What the intervals leave out: resamples without a value, or without some class."""
    notes = []
    for key, interval in metrics["intervals"].items():
        title, drawn = wording.title(wording.OVERALL, key), interval["resamples"]
        if interval.get("undefined_resamples"):
            notes.append(
                f"{title}: {interval['undefined_resamples']:,} of {drawn:,} resamples have no value"
            )
        if interval.get("partial_resamples"):
            notes.append(
                f"{title}: {interval['partial_resamples']:,} of {drawn:,} resamples lack a class "
                "and average over the others"
            )
    return notes


@dataclass(frozen=True)
class Confusion:
    """Images of one class that were taken for another."""

    truth: str
    decision: str
    images: int
    support: int


def frequent_confusions(metrics: Mapping[str, Any]) -> list[Confusion]:
    """The most frequent mistakes, pair by pair."""
    names, support = metrics["class_names"], metrics["support"]
    pairs = [
        Confusion(names[row], names[column], images, support[row])
        for row, counts in enumerate(metrics["confusion"])
        for column, images in enumerate(counts)
        if row != column and images
    ]
    return sorted(pairs, key=lambda pair: -pair.images)[:MOST_CONFUSIONS]


@dataclass(frozen=True)
class OperatingRow:
    """One class at a threshold that was chosen on other images."""

    name: str
    aim: str
    threshold: str
    cells: tuple[Cell, ...]


def operating_rows(metrics: Mapping[str, Any]) -> list[OperatingRow]:
    """Sensitivity, specificity and predictive value of each class that has a threshold."""
    rows = []
    for name, point in metrics.get("operating_points", {}).items():
        aim = ", ".join(f"{what} ≥ {least:g}" for what, least in point["chosen_for"].items())
        cells = [
            cell(point[key], point.get("reason") or "no such images here")
            for key in ("sensitivity", "specificity", "predictive_value")
        ]
        rows.append(OperatingRow(name, aim, decimal(point["threshold"]), tuple(cells)))
    return rows


def few_images(metrics: Mapping[str, Any]) -> list[str]:
    """Classes with fewer than `FEW_IMAGES` images, with their number."""
    pairs = zip(metrics["class_names"], metrics["support"], strict=True)
    return [f"{name} ({images})" for name, images in pairs if images < FEW_IMAGES]


def resamples(metrics: Mapping[str, Any]) -> int:
    """How many resamples stand behind the intervals."""
    drawn: Sequence[int] = [each["resamples"] for each in metrics["intervals"].values()]
    return max(drawn, default=0)


def _why(undefined: Mapping[str, str], metric: str, name: str) -> str:
    for key in (f"{metric}/{name}", f"{metric}_per_class/{name}"):
        if key in undefined:
            return undefined[key]
    return ""
