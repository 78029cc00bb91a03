"""The confusion matrix as a plot: counts, and each row as shares, which give both their colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.path import Path

from dermctl.report.numbers import count
from dermctl.report.plots import HEAT, INK, ON_HEAT, RULE, Plot, figure, short, to_svg

MOST_NAMED = 12
"""With more classes than this, cells carry no numbers and axes no names."""
_WIDTH = 352
_LEVELS = 12
_DARK = 0.62
"""From this share on, a cell is too dark for ink."""

FloatArray = npt.NDArray[np.float64]


def confusion_plots(confusion: FloatArray, class_names: list[str]) -> list[Plot]:
    """Counts and row shares of a [C, C] matrix (rows: truth); of many classes the shares alone."""
    totals = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, totals, out=np.zeros_like(confusion), where=totals > 0)
    if len(class_names) > MOST_NAMED:
        return [_unnamed(shares)]
    counted = [[count(int(value)) for value in row] for row in confusion]
    rounded = [[_percent(value) for value in row] for row in shares]
    return [
        _named(shares, counted, class_names, "Confusion matrix, images"),
        _named(shares, rounded, class_names, "Confusion matrix, % of each row"),
    ]


def _named(levels: FloatArray, texts: list[list[str]], names: list[str], title: str) -> Plot:
    size = len(names)
    with figure(_WIDTH, 70 + 32 * size) as (drawing, axes):
        _cells(axes, levels)
        for row in range(size):
            for column in range(size):
                colour = ON_HEAT if levels[row, column] >= _DARK else INK
                axes.text(
                    column, row, texts[row][column], ha="center", va="center",
                    fontsize=10, color=colour,
                )  # fmt: skip
        named = [short(name, 11) for name in names]
        axes.set_yticks(range(size), named)
        crowded = sum(map(len, named)) > 36
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
        axes.set_xticks(range(size), named, **turned)
        axes.set_aspect("auto")
        axes.set_title(title)
        return to_svg(drawing, title, "Rows are the true class, columns the model's decision.")


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "<1"
    return f"{100 * share:.0f}" if share else ""


def _unnamed(shares: FloatArray) -> Plot:
    size = len(shares)
    title = "Confusion matrix, share of each row"
    with figure(_WIDTH, _WIDTH) as (drawing, axes):
        _cells(axes, np.sqrt(shares))  # so that rare confusions can be seen at all
        axes.set_aspect("equal")
        axes.set_xticks([0, size - 1], ["1", str(size)])
        axes.set_yticks([0, size - 1], ["1", str(size)])
        axes.set_title(title)
        return to_svg(
            drawing,
            title,
            f"Rows are the true class, columns the model's decision; {size} classes in the order "
            "of the table.",
        )


def _cells(axes: Axes, levels: FloatArray) -> None:
    """Filled cells in `_LEVELS` steps: one outline a step keeps the file small."""
    size = len(levels)
    steps = np.ceil(np.clip(levels, 0, 1) * _LEVELS).astype(int)
    for step in range(1, _LEVELS + 1):
        squares = [_square(row, column) for row, column in np.argwhere(steps == step)]
        if squares:
            axes.add_collection(
                PathCollection(
                    [Path.make_compound_path(*squares)],
                    facecolors=HEAT,
                    edgecolors="none",
                    alpha=step / _LEVELS,
                ),
                autolim=False,
            )
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_xlabel("decision")
    axes.set_ylabel("truth")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(RULE)


def _square(row: int, column: int) -> Path:
    corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (-0.5, -0.5)]
    return Path([(column + x, row + y) for x, y in corners], closed=True)
