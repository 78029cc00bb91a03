"""The curves of a training as one picture, ``curves.png`` in the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dermctl.files import replacing
from dermctl.training.metrics_log import read_rows

CURVES_FILE = "curves.png"
_PANELS = (
    ("loss", ("train/loss", "val/loss")),
    ("score on validation", ("probe/ridge", "probe/knn", "val/balanced_accuracy", "val/auc")),
    ("alignment (lower is better)", ("probe/alignment",)),
    ("uniformity (lower is better)", ("probe/uniformity",)),
    ("effective rank", ("probe/effective_rank",)),
    ("deviation of the features", ("probe/feature_std",)),
    ("learning rate", ("lr",)),
)
_COLUMNS = 3
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # told apart by the colour-blind
_POINTS = 1_000


def draw_curves(folder: Path) -> Path | None:
    """Draw what ``metrics.csv`` holds; panels without values are left out.

    Returns:
        Where the picture lies; None where there is nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read_rows(folder)
    curves = {name: _curve(rows, name) for _, names in _PANELS for name in names}
    panels = [
        (title, [name for name in names if curves[name]])
        for title, names in _PANELS
        if any(curves[name] for name in names)
    ]
    if not panels:
        return None
    lines = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(4.2 * min(_COLUMNS, len(panels)), 2.8 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (title, names) in enumerate(panels, 1):
        axes = figure.add_subplot(lines, min(_COLUMNS, len(panels)), place)
        _panel(axes, title, {name: curves[name] for name in names})
    with replacing(folder / CURVES_FILE) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return folder / CURVES_FILE


def _panel(axes: Any, title: str, curves: dict[str, list[tuple[int, float]]]) -> None:
    for colour, (name, points) in zip(_COLOURS, curves.items(), strict=False):
        steps, values = zip(*points, strict=True)
        mark = "o" if len(points) <= 30 and name != "train/loss" else ""
        axes.plot(steps, values, color=colour, lw=1.4, marker=mark, ms=3.5, label=name)
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel("steps", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.grid(color="#e5e5e5", lw=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(curves) > 1:
        axes.legend(fontsize=8, frameon=False)


def _curve(rows: Sequence[dict[str, str]], name: str) -> list[tuple[int, float]]:
    """Steps made and value; of a long curve, the mean of each stretch of steps."""
    points = [(int(row["step"]) + 1, float(row[name])) for row in rows if row.get(name)]
    stretch = -(-len(points) // _POINTS)
    if stretch <= 1:
        return points
    parts = [points[start : start + stretch] for start in range(0, len(points), stretch)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]
