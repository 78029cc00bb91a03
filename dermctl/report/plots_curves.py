"""ROC, precision-recall and reliability curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from dermctl.metrics.curves import calibration_curve, precision_recall_curve, roc_curve
from dermctl.report.numbers import bounds, count, decimal
from dermctl.report.plots import (
    ACCENT,
    FAINT,
    PAPER,
    RULE,
    SOFT,
    Margins,
    Plot,
    figure,
    short,
    to_svg,
)

MOST_PANELS = 12
"""With more classes than this, one panel shows how the curves of all classes spread."""
_PANEL = (168, 196)
_PANEL_MARGINS = Margins(left=38, right=8, bottom=38, top=34)
_WIDTH = 350
_GRID = np.linspace(0, 1, 101)
_STEP = 0.004
"""Points of a curve nearer than this, in both directions, are drawn as one: half a pixel."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def roc_plots(
    labels: IntArray,
    probabilities: FloatArray,
    names: list[str],
    intervals: list[Mapping[str, Any]],
) -> list[Plot]:
    """ROC curves, each class against the rest: a panel each, or the spread of many.

    Args:
        labels: [n].
        probabilities: [n, C].
        names: [C].
        intervals: [C] the AUROC of each class, as the table has it.
    """
    curves: list[tuple[FloatArray, FloatArray, str | None]] = []
    for index in range(len(names)):
        curve = roc_curve(labels == index, probabilities[:, index])
        curves.append((curve.fpr, curve.tpr, curve.reason))
    axis_names = ("1 − specificity", "sensitivity")
    if len(names) > MOST_PANELS:
        spread = [np.interp(_GRID, x, y) for x, y, reason in curves if reason is None]
        return [_band(spread, axis_names, "ROC curves", diagonal=True)]
    return [
        _panel(x, y, reason, axis_names, name, _written("AUROC", interval), baseline=None)
        for (x, y, reason), name, interval in zip(curves, names, intervals, strict=True)
    ]


def precision_recall_plots(
    labels: IntArray,
    probabilities: FloatArray,
    names: list[str],
    intervals: list[Mapping[str, Any]],
) -> list[Plot]:
    """Precision-recall curves, as `roc_plots`; the dashed line is the class's share of the images.

    ``intervals`` are those of the AUPRC.
    """
    curves: list[tuple[FloatArray, FloatArray, str | None]] = []
    for index in range(len(names)):
        curve = precision_recall_curve(labels == index, probabilities[:, index])
        # From recall 0 on, where the precision is that of the highest score.
        recall = np.concatenate([[0.0], curve.recall])
        curves.append(
            (recall, np.concatenate([curve.precision[:1], curve.precision]), curve.reason)
        )
    axis_names = ("sensitivity (recall)", "precision")
    if len(names) > MOST_PANELS:
        spread = [np.interp(_GRID, x, y) for x, y, reason in curves if reason is None]
        return [_band(spread, axis_names, "Precision-recall curves", diagonal=False)]
    shares = [float((labels == index).mean()) for index in range(len(names))]
    return [
        _panel(x, y, reason, axis_names, name, _written("AUPRC", interval), baseline=share)
        for (x, y, reason), name, interval, share in zip(
            curves, names, intervals, shares, strict=True
        )
    ]


def reliability_plot(
    labels: IntArray, probabilities: FloatArray, title: str = "Reliability diagram"
) -> Plot:
    """Accuracy against confidence, bin by bin, over the number of images in each bin."""
    curve = calibration_curve(labels, probabilities)
    middle = (curve.edges[:-1] + curve.edges[1:]) / 2
    width = curve.edges[1] - curve.edges[0]
    filled = curve.images > 0
    with figure(_WIDTH, 390, nrows=2, sharex=True, gridspec_kw={"height_ratios": [3, 1]}) as (
        drawing,
        (upper, lower),
    ):
        upper.plot([0, 1], [0, 1], color=SOFT, lw=0.9, ls=(0, (4, 3)))
        upper.vlines(
            curve.confidence[filled], curve.confidence[filled], curve.accuracy[filled],
            color=FAINT, lw=3,
        )  # fmt: skip
        upper.plot(curve.confidence[filled], curve.accuracy[filled], color=ACCENT, lw=1.4)
        upper.plot(
            curve.confidence[filled], curve.accuracy[filled], "o", color=ACCENT, ms=6,
            mec=PAPER, mew=0.9,
        )  # fmt: skip
        _unit_axis(upper)
        upper.set_xlim(-0.02, 1.02)
        upper.set_yticks(np.arange(0, 1.1, 0.2), ["0", "0.2", "0.4", "0.6", "0.8", "1"])
        upper.set_ylabel("accuracy")
        upper.set_title(title)
        lower.bar(middle, curve.images, width * 0.9, color=ACCENT)
        lower.set_ylabel("images")
        lower.set_xlabel("confidence (probability of the decision)")
        lower.yaxis.set_major_formatter(lambda value, _: count(round(value)))
        lower.locator_params(axis="y", nbins=3)
        lower.grid(axis="y")
        return to_svg(
            drawing,
            title,
            "Above: accuracy in each bin of confidence; on the dashed line they are equal. "
            "Below: images in each bin.",
        )


def _panel(
    x: FloatArray,
    y: FloatArray,
    reason: str | None,
    axis_names: tuple[str, str],
    name: str,
    value: str,
    *,
    baseline: float | None,
) -> Plot:
    with figure(*_PANEL, _PANEL_MARGINS) as (drawing, axes):
        if reason is None:
            reference = ([0, 1], [0, 1]) if baseline is None else ([0, 1], [baseline, baseline])
            axes.plot(*reference, color=SOFT, lw=0.8, ls=(0, (4, 3)))
            axes.plot(*_thin(x, y), color=ACCENT, solid_joinstyle="round")
        else:
            axes.text(0.5, 0.5, "undefined", ha="center", va="center", style="italic", color=SOFT)
        _unit_axis(axes)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.set_xlabel(axis_names[0], fontsize=10)
        axes.set_ylabel(axis_names[1], fontsize=10)
        axes.set_title(short(name, 21), fontsize=10.5, pad=19)
        axes.text(0, 1.06, value, fontsize=9.5, color=SOFT, transform=axes.transAxes)
        text = f"{axis_names[1]} against {axis_names[0]} for the class {name}: "
        return to_svg(drawing, f"{name}: {value}", text + (reason or value))


def _band(
    curves: list[FloatArray], axis_names: tuple[str, str], title: str, *, diagonal: bool
) -> Plot:
    with figure(_WIDTH, 320) as (drawing, axes):
        if diagonal:
            axes.plot([0, 1], [0, 1], color=SOFT, lw=0.8, ls=(0, (4, 3)))
        if curves:
            stack = np.stack(curves)
            low, first, middle, third, high = np.percentile(stack, [5, 25, 50, 75, 95], axis=0)
            axes.fill_between(_GRID, low, high, color=ACCENT, alpha=0.16, lw=0)
            axes.fill_between(_GRID, first, third, color=ACCENT, alpha=0.28, lw=0)
            axes.plot(_GRID, middle, color=ACCENT, label="median of the classes")
        _unit_axis(axes)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel(axis_names[0])
        axes.set_ylabel(axis_names[1])
        axes.set_title(title)
        text = (
            f"{axis_names[1]} against {axis_names[0]}: median of {len(curves)} classes, with the "
            "middle half and the middle nine tenths of them."
        )
        return to_svg(drawing, title, text)


def _written(metric: str, interval: Mapping[str, Any]) -> str:
    """``AUROC 0.912 (0.874–0.941)``."""
    limits = bounds(interval)
    return f"{metric} {decimal(interval['value'])}" + (f" ({limits})" if limits else "")


def _unit_axis(axes: Axes) -> None:
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.grid(color=RULE)


def _thin(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The curve without the points that the eye cannot tell from their neighbours."""
    cells = np.stack([np.round(x / _STEP), np.round(y / _STEP)])
    kept = np.ones(len(x), dtype=np.bool_)
    kept[1:] = (cells[:, 1:] != cells[:, :-1]).any(axis=0)
    kept[-1] = True
    return x[kept], y[kept]
