"""The tables of the subgroup audits in an evaluation's report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dermctl.datasets.manifest import SOURCE_PREFIX
from dermctl.report import wording
from dermctl.report.evaluation_tables import Cell, cell
from dermctl.report.numbers import decimal

METRICS = ("balanced_accuracy", "auroc")
"""The metrics by which subgroups are shown."""
UNLIKE = "†"
"""Marks a gap between averages over different classes."""
SKIN_TYPE = "fitzpatrick"
SECOND_RATER = f"{SOURCE_PREFIX}fitzpatrick_centaur"
SKIN_TONE = f"{SOURCE_PREFIX}skin_tone"
_COLUMNS = {
    SKIN_TYPE: "Fitzpatrick skin type",
    SECOND_RATER: "Fitzpatrick skin type, second rater",
    SKIN_TONE: "skin type in pairs",
    "modality": "image type",
}


@dataclass(frozen=True)
class SubgroupRow:
    """One subgroup.

    Args:
        name: the column's value; ``unknown`` for the images without one.
        images, clusters: how many.
        ranked: whether it has enough images to be compared.
        unknown: whether the value is not known.
        cells: one for each of `METRICS`.
        gap: how far it is behind the best on the first of them; empty for the best itself.
        intervals: one for each of `METRICS`, for the plot.
    """

    name: str
    images: int
    clusters: int
    ranked: bool
    unknown: bool
    cells: tuple[Cell, ...]
    gap: Cell | None
    intervals: tuple[Mapping[str, Any] | None, ...]


@dataclass(frozen=True)
class DisparityRow:
    """One disparity beside what chance gives."""

    title: str
    value: str
    shuffled: str
    p_value: str
    definition: str
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """One column's audit, as it is shown."""

    heading: str
    min_images: int
    rows: tuple[SubgroupRow, ...]
    disparities: tuple[DisparityRow, ...]
    note: str


def audit_view(audit: Mapping[str, Any]) -> Audit:
    """A `SubgroupAudit.to_json()` as it is shown."""
    column = audit["column"]
    rows = [_subgroup(each, column) for each in audit["subgroups"]]
    if audit.get("unknown"):
        rows.append(_subgroup(audit["unknown"], column, unknown=True))
    return Audit(
        heading=heading(column),
        min_images=audit["min_images"],
        rows=tuple(rows),
        disparities=tuple(_disparity(name, each) for name, each in audit["disparities"].items()),
        note=_unlike(audit),
    )


def heading(column: str) -> str:
    """What a column is called; one of the source goes without its prefix."""
    return _COLUMNS.get(column, column.removeprefix(SOURCE_PREFIX))


def _subgroup(found: Mapping[str, Any], column: str, *, unknown: bool = False) -> SubgroupRow:
    undefined = found.get("undefined", {})
    intervals = tuple(found["intervals"].get(metric) for metric in METRICS)
    gap = found.get("gaps", {}).get(METRICS[0])
    return SubgroupRow(
        name=_written(found["name"], column),
        images=found["images"],
        clusters=found["clusters"],
        ranked=found["ranked"],
        unknown=unknown,
        cells=tuple(
            cell(interval, undefined.get(metric, ""))
            for metric, interval in zip(METRICS, intervals, strict=True)
        ),
        gap=_gap(found["name"], gap),
        intervals=intervals,
    )


def _written(name: str, column: str) -> str:
    """Skin types as Roman numerals; all else as it is."""
    numerals = {str(number): numeral for number, numeral in wording.SKIN_TYPES.items()}
    return numerals.get(name, name) if column in (SKIN_TYPE, SECOND_RATER) else name


def _gap(name: str, gap: Mapping[str, Any] | None) -> Cell | None:
    if gap is None:
        return None
    if gap["best"] == name:
        return Cell("best")
    found = cell(gap)
    return replace(found, value=f"{found.value} {UNLIKE}") if gap.get("classes_differ") else found


def _unlike(audit: Mapping[str, Any]) -> str:
    """The note on gaps between averages over different classes: not like against like."""
    classes = {
        name
        for found in audit["subgroups"]
        for name in found.get("gaps", {}).get(METRICS[0], {}).get("classes_differ", ())
    }
    if not classes:
        return ""
    return (
        f"{UNLIKE} One of the two lacks classes that the other averages over "
        f"({', '.join(sorted(classes))}): the gap does not compare like with like."
    )


def _disparity(name: str, found: Mapping[str, Any]) -> DisparityRow:
    permuted = found["permuted"]
    low, high = decimal(permuted["low"]), decimal(permuted["high"])
    return DisparityRow(
        title=wording.title(wording.DISPARITIES, name),
        value=decimal(found["value"]),
        shuffled=f"{decimal(permuted['median'])} ({low}–{high})",
        p_value=decimal(permuted["p_value"]),
        definition=wording.definition(wording.DISPARITIES, name),
        left_out=tuple(found["left_out"]),
    )
