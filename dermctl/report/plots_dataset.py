"""The plots of a dataset's report."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from dermctl.report.numbers import count
from dermctl.report.plots import (
    ACCENT,
    FAINT,
    INK,
    PAPER,
    RULE,
    SECOND,
    SOFT,
    THIRD,
    Plot,
    figure,
    short,
    to_svg,
)
from dermctl.report.tallies import CrossTable

# One colour for each split, in the order of the columns.
SPLIT_COLOURS = (ACCENT, SECOND, THIRD, FAINT)
MOST_BARS = 24
"""With more values than this, bars give way to a curve of sizes."""
_WIDTH = 350


def images_by_value(table: CrossTable, title: str) -> Plot:
    """Images of each value as bars, one part a split; of many values, their sizes as a curve."""
    if len(table.known) > MOST_BARS:
        return _sizes(table, title)
    rows = table.rows
    with figure(_WIDTH, _bars_height(table)) as (drawing, axes):
        left = np.zeros(len(rows))
        places = np.arange(len(rows))
        for index, split in enumerate(table.columns):
            widths = np.array([row.counts[index] for row in rows], dtype=float)
            axes.barh(
                places, widths, 0.64, left=left, color=_colour(index), ec=PAPER, lw=0.8, label=split
            )
            left += widths
        for place, total in zip(places, left, strict=True):
            axes.annotate(
                count(int(total)), (total, place), (4, 0), textcoords="offset points",
                va="center", fontsize=10.5, color=SOFT,
            )  # fmt: skip
        _name_rows(axes, [row.name for row in rows])
        axes.set_xlim(0, 1.2 * max(left.max(initial=0), 1))
        axes.set_xlabel("images")
        _count_axis(axes)
        _legend(axes, len(table.columns))
        return to_svg(drawing, title, f"Bars: images of each {table.heading}, by split.")


def shares_by_value(table: CrossTable, title: str) -> Plot:
    """Share of each value within each split as dots on one line: close where splits are alike."""
    rows = table.rows
    splits = [index for index, total in enumerate(table.totals) if total]
    shares = np.array(
        [[100 * row.counts[index] / table.totals[index] for index in splits] for row in rows]
    )
    with figure(_WIDTH, _bars_height(table)) as (drawing, axes):
        places = np.arange(len(rows))
        axes.hlines(places, shares.min(axis=1), shares.max(axis=1), color=SOFT, lw=0.9, zorder=1)
        for column, index in enumerate(splits):
            axes.plot(
                shares[:, column], places, "o", ms=6.5, color=_colour(index), mec=PAPER, mew=0.8,
                label=table.columns[index], clip_on=False,
            )  # fmt: skip
        _name_rows(axes, [row.name for row in rows])
        axes.set_xlabel("share of the split, %")
        axes.set_xlim(0, 1.08 * max(shares.max(initial=0), 1))
        axes.grid()
        _legend(axes, len(splits))
        return to_svg(drawing, title, f"Dots: share of each {table.heading} within each split.")


def _sizes(table: CrossTable, title: str) -> Plot:
    with figure(_WIDTH, 240) as (drawing, axes):
        order = sorted(table.known, key=lambda row: -sum(row.counts))
        for index, split in enumerate(table.columns):
            sizes = np.array([row.counts[index] for row in order], dtype=float)
            places = np.arange(1, len(sizes) + 1)
            axes.plot(
                places,
                np.where(sizes > 0, sizes, np.nan),
                ".",
                ms=5,
                color=_colour(index),
                label=split,
            )
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: count(round(value)) if value >= 1 else "")
        axes.minorticks_off()
        axes.set_xlabel(f"{table.heading}, the largest first")
        axes.set_ylabel("images")
        axes.grid(axis="y")
        _legend(axes, len(table.columns))
        text = f"Points: images of each {table.heading} in each split, on a logarithmic scale."
        return to_svg(drawing, title, text)


def _bars_height(table: CrossTable) -> int:
    return 64 + 23 * len(table.rows)


def _colour(index: int) -> str:
    return SPLIT_COLOURS[index % len(SPLIT_COLOURS)]


def _name_rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(np.arange(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(RULE)


def _count_axis(axes: Axes) -> None:
    axes.xaxis.set_major_locator(_few_whole_numbers())
    axes.xaxis.set_major_formatter(lambda value, _: count(round(value)))
    axes.grid(axis="x")


def _few_whole_numbers() -> MaxNLocator:
    return MaxNLocator(nbins=4, integer=True)


def _legend(axes: Axes, columns: int) -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2,
        borderpad=0, handlelength=0.9, handleheight=0.9, columnspacing=1.4, labelcolor=INK,
    )  # fmt: skip
