"""Tables beside the metrics: calibration before and after, the internal test, abstention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dermctl.metrics.headline import TOP_K
from dermctl.report import wording
from dermctl.report.evaluation_tables import Cell, cell
from dermctl.report.numbers import bounds, decimal, percent


@dataclass(frozen=True)
class Before:
    """A metric as the model stands, and after the temperature."""

    title: str
    before: Cell
    after: Cell


@dataclass(frozen=True)
class CalibrationView:
    """Calibration as it is shown.

    Args:
        temperature: as it is written.
        fitted_on: where it was fitted.
        reason: why it stands at the end of its range; empty otherwise.
        rows: calibration error and Brier score.
    """

    temperature: str
    fitted_on: str
    reason: str
    rows: tuple[Before, ...]


def calibration_rows(metrics: Mapping[str, Any]) -> CalibrationView | None:
    """The entry ``calibration`` of ``metrics.json``; None where nothing was fitted."""
    found = metrics.get("calibration")
    if not found:
        return None
    rows = tuple(
        Before(wording.OVERALL[key].title, cell(metrics["intervals"][key]), cell(after))
        for key, after in found["after"].items()
    )
    where = f"{found['fitted_on']} ({found['fitted_on_images']:,} images)"
    return CalibrationView(decimal(found["temperature"]), where, found["reason"] or "", rows)


@dataclass(frozen=True)
class GapRow:
    """One metric on the internal test and on this one."""

    title: str
    internal: str
    here: str
    change: Cell
    unlike: bool


@dataclass(frozen=True)
class GapView:
    """The gap to the internal test as it is shown."""

    internal: str
    images: int
    rows: tuple[GapRow, ...]


def gap_rows(metrics: Mapping[str, Any]) -> GapView | None:
    """The entry ``internal_test`` of ``metrics.json``; None where there is none."""
    found = metrics.get("internal_test")
    if not found:
        return None
    changes = dict(found["changes"])
    if len(metrics["class_names"]) <= TOP_K:
        changes.pop(wording.TOP_K_ACCURACY, None)  # always 1
    rows = tuple(
        GapRow(
            wording.OVERALL[key].title,
            decimal(changes[key]["first"]),
            decimal(changes[key]["second"]),
            _signed(changes[key]),
            changes[key]["classes_differ"],
        )
        for key in wording.OVERALL
        if key in changes
    )
    return GapView(f"{found['dataset']}, {found['split']}", found["images"], rows)


@dataclass(frozen=True)
class AbstentionRow:
    """What deciding a share of the images gives."""

    asked: str
    confidence: str
    coverage: Cell
    accuracy: Cell


@dataclass(frozen=True)
class AbstentionView:
    """The risk-coverage curve as it is shown."""

    area: Cell
    rows: tuple[AbstentionRow, ...]


def abstention_rows(metrics: Mapping[str, Any]) -> AbstentionView | None:
    """The entry ``abstention`` of ``metrics.json``; None where it was not asked for."""
    found = metrics.get("abstention")
    if not found:
        return None
    rows = tuple(
        AbstentionRow(
            f"{percent(round(1000 * point['least_coverage']), 1000)} %",
            decimal(point["confidence"]),
            cell(point["coverage"]),
            cell(point["accuracy"]),
        )
        for point in found["points"]
    )
    return AbstentionView(cell(found["area"]), rows)


def _signed(change: Mapping[str, Any]) -> Cell:
    """A difference with its sign."""
    value = decimal(change["value"])
    sign = "+" if change["value"] is not None and change["value"] > 0 else ""
    return Cell(f"{sign}{value}", bounds(change))
