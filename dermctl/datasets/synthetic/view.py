"""From where a photograph is taken: the geometry between millimetres of skin and pixels.

A scene (skin, lesion, hairs) is described in millimetres around the lesion's centre. The same scene
through another view is another photograph of the same lesion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""One value a pixel, (height, width)."""

Picture = NDArray[np.float32]
"""Linear light, RGB, (height, width, 3); 1 is a perfect white reflector under full light."""


@dataclass(frozen=True)
class View:
    """A camera looking at the skin, or a window in what it sees.

    Attributes:
        width, height: pixels.
        px_per_mm: pixels per millimetre of skin.
        to_mm: the (2, 3) matrix that takes a pixel (x, y, 1) to millimetres.
    """

    width: int
    height: int
    px_per_mm: float
    to_mm: NDArray[np.float64]

    @staticmethod
    def looking(
        side: int,
        px_per_mm: float,
        *,
        angle: float = 0.0,
        tilt: float = 0.0,
        centre_mm: tuple[float, float] = (0.0, 0.0),
    ) -> View:
        """A square view.

        Args:
            side: pixels on each side.
            px_per_mm: pixels per millimetre of skin.
            angle: rotation of the camera, in radians.
            tilt: foreshortening by an oblique look, 0 (straight) to below 1.
            centre_mm: what the middle shows, from the lesion's centre.
        """
        cos, sin = math.cos(angle), math.sin(angle)
        foreshortening = np.diag([1.0, 1 / (1 - tilt)])
        linear = np.array([[cos, -sin], [sin, cos]]) @ foreshortening / px_per_mm
        middle = (side - 1) / 2
        offset = np.array(centre_mm) - linear @ np.array([middle, middle])
        return View(side, side, px_per_mm, np.column_stack([linear, offset]))

    def window(self, reach_mm: float) -> tuple[View, tuple[slice, slice]]:
        """The part of this view within ``reach_mm`` of the lesion's centre, and its pixels."""
        x, y = self.pixels(np.zeros((1, 2)))[0]
        reach = reach_mm * self.px_per_mm
        left, right = (min(max(math.floor(x + r), 0), self.width) for r in (-reach, reach))
        top, bottom = (min(max(math.floor(y + r), 0), self.height) for r in (-reach, reach))
        to_mm = self.to_mm.copy()
        to_mm[:, 2] += self.to_mm[:, :2] @ np.array([left, top])
        part = View(right - left, bottom - top, self.px_per_mm, to_mm)
        return part, (slice(top, bottom), slice(left, right))

    def pixels(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take points (n, 2) in millimetres to pixels (n, 2)."""
        inverse = np.linalg.inv(self.to_mm[:, :2])
        return np.asarray((points_mm - self.to_mm[:, 2]) @ inverse.T, np.float64)

    @cached_property
    def grid_mm(self) -> tuple[Field, Field]:
        """x and y of every pixel, in millimetres."""
        m = self.to_mm.astype(np.float32)
        column = np.arange(self.width, dtype=np.float32)[None, :]
        row = np.arange(self.height, dtype=np.float32)[:, None]
        x = m[0, 0] * column + (m[0, 1] * row + m[0, 2])
        y = m[1, 0] * column + (m[1, 1] * row + m[1, 2])
        return x, y


def smoothstep(low: float, high: float, values: Field) -> Field:
    """0 below ``low``, 1 above ``high``, a smooth rise between."""
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
