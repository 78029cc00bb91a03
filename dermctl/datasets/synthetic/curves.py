"""Thin curved lines in millimetres: how they run and how they are drawn."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.synthetic.view import Field, View

Curve = NDArray[np.float64]
"""Points (n, 2) along a line, in millimetres."""

_FINER = 2  # Lines are drawn on a finer canvas: many are thinner than a pixel.
_FRACTION_BITS = 4
_THINNEST = 1.4  # Pixels: what OpenCV draws smoothly for a thickness of 1.
_TAPER = (1.0, 0.75, 0.4)  # Width of the three thirds of a line that thins out.


def wander(
    rng: np.random.Generator,
    start: tuple[float, float],
    direction: float,
    length_mm: float,
    bend: float,
    steps: int = 18,
) -> Curve:
    """A line that starts out in a direction and bends smoothly and at random.

    Args:
        rng: source of chance.
        start: first point, in millimetres.
        direction: angle of the first step, in radians.
        length_mm: length of the line.
        bend: how strongly it bends, in radians over its length.
        steps: number of straight pieces.
    """
    curl = rng.normal(0, bend) / steps
    turns = np.cumsum(rng.normal(0, bend / steps, steps) + curl)
    angles = direction + turns
    pieces = np.column_stack([np.cos(angles), np.sin(angles)]) * (length_mm / steps)
    path = np.vstack([np.zeros((1, 2)), np.cumsum(pieces, axis=0)])
    return np.asarray(path + np.array(start), np.float64)


def draw_curves(
    view: View, curves: Iterable[Curve], thickness_mm: float, *, taper: bool = False
) -> Field:
    """Draw thin lines.

    Args:
        view: the camera.
        curves: the lines.
        thickness_mm: their width.
        taper: thin out towards the last point.

    Returns:
        How far each pixel is covered, 0 to 1, (height, width).
    """
    canvas = np.zeros((view.height * _FINER, view.width * _FINER), np.uint8)
    width = thickness_mm * view.px_per_mm * _FINER
    for curve in curves:
        points = view.pixels(curve) * _FINER
        if taper:
            third = len(points) // 3
            for part, share in enumerate(_TAPER):
                end = len(points) if part == 2 else (part + 1) * third + 1
                _draw_line(canvas, points[part * third : end], width * share)
        else:
            _draw_line(canvas, points, width)
    coverage = cv2.resize(canvas, (view.width, view.height), interpolation=cv2.INTER_AREA)
    return np.asarray(coverage, np.float32) / np.float32(255)


def _draw_line(canvas: NDArray[np.uint8], points: NDArray[np.float64], width: float) -> None:
    """Draw a smooth line, all in pixels of the canvas."""
    fixed = np.rint(points * 2**_FRACTION_BITS).astype(np.int32).reshape(-1, 1, 2)
    # OpenCV's smooth lines are 2 k + 1.4 pixels wide for a thickness of 2 k. Those thinner than
    # its thinnest are drawn fainter instead.
    thickness = max(1, 2 * round((width - _THINNEST) / 2))
    strength = round(255 * min(1.0, width / _THINNEST))
    cv2.polylines(canvas, [fixed], False, strength, thickness, cv2.LINE_AA, _FRACTION_BITS)
