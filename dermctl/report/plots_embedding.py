"""Embeddings in the plane, a panel a class: that class's images over all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from dermctl.report.plots import ACCENT, FAINT, Margins, Plot, figure, short, to_svg

MOST_PANELS = 12
"""With more classes than this, the plots are left out."""
_MOST_POINTS = 500
"""Points drawn in a panel, of the class and of all; the rest is drawn at random."""
_PANEL = (168, 188)
_MARGINS = Margins(left=6, right=6, bottom=6, top=24)

FloatArray = npt.NDArray[np.float64]


def embedding_plots(
    points: FloatArray, labels: npt.NDArray[np.int64], names: list[str]
) -> list[Plot]:
    """A panel for each class with images, or none where there are too many classes.

    Args:
        points: [n, 2].
        labels: [n].
        names: [C].
    """
    if len(names) > MOST_PANELS:
        return []
    limits = np.percentile(points, [0.5, 99.5], axis=0)  # a few far away must not shrink the rest
    return [
        _panel(points, labels == index, limits, name)
        for index, name in enumerate(names)
        if (labels == index).any()
    ]


def _panel(points: FloatArray, own: npt.NDArray[np.bool_], limits: FloatArray, name: str) -> Plot:
    images = int(own.sum())
    with figure(*_PANEL, _MARGINS) as (drawing, axes):
        _dots(axes, _some(points), FAINT, 2.2)
        _dots(axes, _some(points[own]), ACCENT, 2.8)
        margin = 0.05 * (limits[1] - limits[0]) + 1e-9
        axes.set_xlim(limits[0, 0] - margin[0], limits[1, 0] + margin[0])
        axes.set_ylim(limits[0, 1] - margin[1], limits[1, 1] + margin[1])
        axes.set_axis_off()
        axes.set_title(f"{short(name, 16)} ({images:,})", fontsize=10.5)
        return to_svg(
            drawing,
            f"Embeddings: {name}",
            f"The {images:,} images of the class {name} among all images, by the first two "
            "principal components.",
        )


def _some(points: FloatArray) -> FloatArray:
    if len(points) <= _MOST_POINTS:
        return points
    return points[np.random.default_rng(0).choice(len(points), _MOST_POINTS, replace=False)]


def _dots(axes: Axes, points: FloatArray, colour: str, size: float) -> None:
    """Dots as one path of strokes without length: a tenth of the bytes of as many markers."""
    strokes = np.full((len(points), 3, 2), np.nan)
    strokes[:, :2] = points[:, None]
    x, y = strokes.reshape(-1, 2).T
    axes.plot(x, y, color=colour, lw=size, solid_capstyle="round")
