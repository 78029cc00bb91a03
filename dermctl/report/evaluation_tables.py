"""The tables of an evaluation's report, from the plain values of ``metrics``."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dermctl.metrics.headline import MIN_TPR, TOP_K
from dermctl.report import wording
from dermctl.report.numbers import UNDEFINED, bounds, decimal

MOST_CONFUSIONS = 12
FEW_IMAGES = 30
"""A class with fewer images is pointed out: its figures rest on little."""


_OUTSIDE = (
    "the value lies outside its own interval, because resamples repeat images, which shifts the "
    "metric where classes are small"
)


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
    """One overall metric; ``mark`` refers to a remark under the table."""

    key: str
    title: str
    cell: Cell
    definition: str
    mark: str


def overall_rows(metrics: Mapping[str, Any]) -> list[MetricRow]:
    """Every overall metric: the known ones in the order of `wording.OVERALL`, then the others."""
    intervals, undefined = metrics["intervals"], metrics["undefined"]
    known = [key for key in wording.OVERALL if key in intervals]
    others = [key for key in intervals if key not in wording.OVERALL]
    if len(metrics["class_names"]) <= TOP_K:
        known = [key for key in known if key != wording.TOP_K_ACCURACY]  # always 1
    marks = {remark: mark for mark, remark in overall_remarks(metrics)}
    return [
        MetricRow(
            key,
            wording.title(wording.OVERALL, key),
            cell(intervals[key], undefined.get(key, "")),
            _definition(key, metrics),
            marks.get(undefined.get(key, ""), ""),
        )
        for key in [*known, *others]
    ]


def _definition(key: str, metrics: Mapping[str, Any]) -> str:
    """What a metric means; that of the partial area names the sensitivity that it begins at."""
    least = metrics.get("min_tpr", MIN_TPR)
    return wording.definition(wording.OVERALL, key).format(min_tpr=least, most=1 - least)


def overall_remarks(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Why overall metrics are undefined or leave classes out, each once: mark, remark."""
    undefined = metrics["undefined"]
    remarks = dict.fromkeys(undefined[key] for key in metrics["intervals"] if key in undefined)
    return list(zip(string.ascii_lowercase, remarks, strict=False))


@dataclass(frozen=True)
class ClassRow:
    """One class: its images and a cell for each of the columns."""

    name: str
    images: int
    cells: tuple[Cell, ...]


def class_rows(metrics: Mapping[str, Any]) -> list[ClassRow]:
    """Every class with the metrics of `wording.PER_CLASS`."""
    undefined = metrics["undefined"]
    rows = []
    for name, images in zip(metrics["class_names"], metrics["support"], strict=True):
        own = metrics["per_class"][name]
        cells = [cell(own.get(key), _why(undefined, key, name)) for key in wording.PER_CLASS]
        rows.append(ClassRow(name, images, tuple(cells)))
    return rows


def undefined_notes(rows: Iterable[ClassRow]) -> list[str]:
    """Why cells have no value: ``– no images of this class (sensitivity, AUPRC): DF, VASC``."""
    titles = [words.title for words in wording.PER_CLASS.values()]
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        reasons: dict[str, list[str]] = {}
        for title, each in zip(titles, row.cells, strict=True):
            if each.reason:
                reasons.setdefault(each.reason, []).append(title)
        for reason, metrics in reasons.items():
            found.setdefault((reason, ", ".join(metrics)), []).append(row.name)
    return [
        f"{UNDEFINED} {reason} ({metrics}): {', '.join(names)}."
        for (reason, metrics), names in found.items()
    ]


def interval_notes(metrics: Mapping[str, Any]) -> list[str]:
    """What the intervals leave out: resamples without a value, or without some class."""
    found: dict[str, list[str]] = {}
    for key, interval in metrics["intervals"].items():
        title, drawn = wording.title(wording.OVERALL, key), interval["resamples"]
        if empty := interval["undefined_resamples"]:
            found.setdefault(f"{empty:,} of {drawn:,} resamples have no value", []).append(title)
        if partial := interval["partial_resamples"]:
            text = f"{partial:,} of {drawn:,} resamples lack a class and average over the others"
            found.setdefault(text, []).append(title)
        if _outside(interval):
            found.setdefault(_OUTSIDE, []).append(title)
    return [f"{', '.join(titles)}: {text}." for text, titles in found.items()]


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
    """Sensitivity, specificity and predictive value of each class at each of its thresholds."""
    rows = []
    for name, point in _points(metrics):
        aim = ", ".join(f"{what} ≥ {least:g}" for what, least in point["chosen_for"].items())
        cells = [
            cell(point[key], point.get("reason") or "no such images here")
            for key in ("sensitivity", "specificity", "predictive_value")
        ]
        rows.append(OperatingRow(name, aim, decimal(point["threshold"]), tuple(cells)))
    return rows


def _points(metrics: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Class by class within each aim, so that a column reads down."""
    columns = zip(*metrics["operating_points"].values(), strict=True)
    return [pair for row in columns for pair in zip(metrics["operating_points"], row, strict=True)]


def few_images(metrics: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Classes with fewer than `FEW_IMAGES` images, with their number."""
    pairs = zip(metrics["class_names"], metrics["support"], strict=True)
    return [(name, images) for name, images in pairs if images < FEW_IMAGES]


def resamples(metrics: Mapping[str, Any]) -> int:
    """How many resamples stand behind the intervals."""
    drawn: Sequence[int] = [each["resamples"] for each in metrics["intervals"].values()]
    return max(drawn, default=0)


def _outside(interval: Mapping[str, Any]) -> bool:
    value, low, high = (interval[key] for key in ("value", "low", "high"))
    return None not in (value, low, high) and not low <= value <= high


def _why(undefined: Mapping[str, str], metric: str, name: str) -> str:
    for key in (f"{metric}/{name}", f"{metric}_per_class/{name}"):
        if key in undefined:
            return undefined[key]
    return ""
