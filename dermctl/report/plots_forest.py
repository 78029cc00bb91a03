"""Values with their intervals, one a line: classes or subgroups side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermctl.report.numbers import UNDEFINED
from dermctl.report.plots import ACCENT, PAPER, RULE, SECOND, SOFT, Plot, figure, short, to_svg

_WIDTH = 350


@dataclass(frozen=True)
class Line:
    """One line of the plot.

    Args:
        name: what it stands for.
        interval: `Interval.to_json()`; None or without a value: shown as undefined.
        solid: False for what is shown and not compared (few images, or value unknown).
    """

    name: str
    interval: Mapping[str, Any] | None
    solid: bool = True


def forest_plot(lines: Sequence[Line], metric: str, overall: float | None, title: str) -> Plot:
    """Point and interval of each line; the upright line is the value over all images."""
    with figure(_WIDTH, 62 + 23 * len(lines)) as (drawing, axes):
        if overall is not None:
            axes.axvline(overall, color=SECOND, lw=1.1, ls=(0, (4, 3)), zorder=1)
        lows, highs = [1.0], [0.0]
        for place, line in enumerate(lines):
            value, low, high = _numbers(line.interval)
            if np.isnan(value):
                axes.text(
                    0.5, place, UNDEFINED, ha="center", va="center", color=SOFT,
                    transform=axes.get_yaxis_transform(),
                )  # fmt: skip
                continue
            colour = ACCENT if line.solid else SOFT
            axes.hlines(place, low, high, color=colour, lw=1.5)
            axes.plot(
                value, place, "o", ms=7, color=colour if line.solid else PAPER,
                mec=PAPER if line.solid else colour, mew=0.9 if line.solid else 1.4,
            )  # fmt: skip
            lows.append(np.nanmin([value, low]))
            highs.append(np.nanmax([value, high]))
        axes.set_yticks(range(len(lines)), [short(line.name) for line in lines])
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if max(highs) > min(lows):
            margin = 0.06 * (max(highs) - min(lows)) + 0.005
            axes.set_xlim(min(lows) - margin, max(highs) + margin)
        axes.locator_params(axis="x", nbins=5)
        axes.grid(color=RULE)
        axes.set_xlabel(metric)
        return to_svg(drawing, title, f"{metric} with 95 % intervals, line by line.")


def _numbers(interval: Mapping[str, Any] | None) -> tuple[float, float, float]:
    if interval is None:
        return np.nan, np.nan, np.nan
    value, low, high = (
        np.nan if interval.get(key) is None else float(interval[key])
        for key in ("value", "low", "high")
    )
    return value, low, high
