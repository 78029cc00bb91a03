"""The outline of a lesion: how large, how even, how sharp."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from dermctl.datasets.synthetic.textures import Anchor, sample, textures
from dermctl.datasets.synthetic.view import Field, View, smoothstep

_DIRECTIONS = 1024


@dataclass(frozen=True)
class Lobe:
    """A round outgrowth of a lesion, in millimetres from the lesion's centre."""

    x_mm: float
    y_mm: float
    radius_mm: float


@dataclass(frozen=True)
class Outline:
    """A closed line around a lesion.

    Attributes:
        radius_mm: mean radius of the main body.
        elongation: long by short axis.
        angle: direction of the long axis, radians.
        waves: amplitude (share of the radius) and phase of 2, 3, ... waves around the outline.
        jag_mm: raggedness of the border.
        softness_mm: width over which the lesion fades into the skin.
        lobes: outgrowths.
        anchor: the place on the textures that the raggedness is taken from.
    """

    radius_mm: float
    elongation: float
    angle: float
    waves: tuple[tuple[float, float], ...]
    jag_mm: float
    softness_mm: float
    lobes: tuple[Lobe, ...]
    anchor: Anchor

    @property
    def diameters_mm(self) -> tuple[float, float]:
        """Long and short diameter of the main body."""
        stretch = math.sqrt(self.elongation)
        return 2 * self.radius_mm * stretch, 2 * self.radius_mm / stretch

    @property
    def reach_mm(self) -> float:
        """No part of the lesion is farther than this from its centre."""
        waves = 1 + sum(abs(amplitude) for amplitude, _ in self.waves)
        body = self.radius_mm * waves * math.sqrt(self.elongation)
        lobes = (math.hypot(lobe.x_mm, lobe.y_mm) + lobe.radius_mm for lobe in self.lobes)
        ragged = 4 * self.jag_mm  # Four standard deviations.
        return max(body, *lobes, 0.0) + ragged + self.softness_mm

    def depth_mm(self, view: View) -> Field:
        """How deep inside the outline each pixel lies (negative: outside), (height, width)."""
        x, y = view.grid_mm
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        stretch = math.sqrt(self.elongation)
        along = (cos * x + sin * y) * np.float32(1 / stretch)
        across = (cos * y - sin * x) * np.float32(stretch)
        distance, direction = cv2.cartToPolar(along, across)
        step = (direction * np.float32(_DIRECTIONS / (2 * math.pi))).astype(np.int32)
        radius = self._radius_by_direction()[step % _DIRECTIONS]
        # Relative to the radius in each direction, so that the middle is one smooth summit.
        depth = self.radius_mm * (1 - distance / radius)
        for lobe in self.lobes:
            reach = cv2.magnitude(x - np.float32(lobe.x_mm), y - np.float32(lobe.y_mm))
            np.maximum(depth, np.float32(lobe.radius_mm) - reach, out=depth)
        maps = textures()
        ragged = sample(maps.cloud, view, self.anchor, stretch=1.1)
        ragged += np.float32(0.07) * sample(maps.grain, view, self.anchor)
        return np.asarray(depth + np.float32(self.jag_mm) * ragged, np.float32)

    def cover(self, depth_mm: Field) -> Field:
        """1 well inside the lesion, 0 outside, between them over the soft border."""
        half = max(self.softness_mm, 0.05) / 2
        return smoothstep(-half, half, depth_mm)

    def _radius_by_direction(self) -> Field:
        direction = np.arange(_DIRECTIONS) * (2 * math.pi / _DIRECTIONS)
        radius = np.ones(_DIRECTIONS)
        for order, (amplitude, phase) in enumerate(self.waves, start=2):
            radius += amplitude * np.cos(order * direction + phase)
        return np.asarray(self.radius_mm * np.maximum(radius, 0.2), np.float32)


def draw_outline(
    rng: np.random.Generator,
    *,
    radius_mm: float,
    elongation: float,
    irregularity: float,
    jag: float,
    softness_mm: float,
    lobes: int = 0,
) -> Outline:
    """A random outline.

    Args:
        rng: source of chance.
        radius_mm: mean radius of the main body.
        elongation: long by short axis, at least 1.
        irregularity: size of its waves, 0 (an ellipse) to about 0.3.
        jag: raggedness of the border as a share of the radius.
        softness_mm: width of the soft border.
        lobes: number of outgrowths, which make the lesion asymmetric.
    """
    waves = tuple(
        (irregularity * rng.normal(0, 1) / (order - 1) ** 0.8, rng.uniform(0, 2 * math.pi))
        for order in range(2, 9)
    )
    # All on one side: outgrowths all around would make the lesion symmetric again.
    side = rng.uniform(0, 2 * math.pi)
    return Outline(
        radius_mm=radius_mm,
        elongation=elongation,
        angle=rng.uniform(0, math.pi),
        waves=waves,
        jag_mm=jag * radius_mm,
        softness_mm=softness_mm,
        lobes=tuple(_draw_lobe(rng, radius_mm, side) for _ in range(lobes)),
        anchor=Anchor.draw(rng),
    )


def _draw_lobe(rng: np.random.Generator, radius_mm: float, side: float) -> Lobe:
    direction = side + rng.normal(0, 0.6)
    distance = radius_mm * rng.uniform(0.55, 0.95)
    return Lobe(
        x_mm=distance * math.cos(direction),
        y_mm=distance * math.sin(direction),
        radius_mm=radius_mm * rng.uniform(0.35, 0.7),
    )
