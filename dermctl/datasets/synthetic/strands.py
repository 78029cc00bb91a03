"""Thin lines on skin: hairs above it, ink on it, vessels in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dermctl.datasets.synthetic.curves import Curve, draw_curves, wander
from dermctl.datasets.synthetic.layers import Colour
from dermctl.datasets.synthetic.view import Picture, View

_HAIR_COLOURS: dict[str, Colour] = {
    "black": (0.02, 0.015, 0.012),
    "brown": (0.06, 0.035, 0.022),
    "blond": (0.30, 0.20, 0.10),
    "grey": (0.40, 0.39, 0.37),
}
_INK: Colour = (0.10, 0.13, 0.62)
_SHADOW = 0.25  # How much darker the skin is beside a hair.


@dataclass(frozen=True)
class Strands:
    """Lines over the skin.

    Attributes:
        curves: the lines.
        thickness_mm: their width.
        colour: their linear RGB.
        opacity: how far they hide or stain the skin, 0 to 1.
        above: they lie above the skin (hair), taper and cast a shadow; else they stain it (ink).
    """

    curves: tuple[Curve, ...]
    thickness_mm: float
    colour: Colour
    opacity: float = 0.85
    above: bool = True


def draw_hair(
    rng: np.random.Generator, *, count: int, age: int, fitzpatrick: int, reach_mm: float
) -> Strands:
    """Hairs that grow in one direction, give or take.

    Args:
        rng: source of chance.
        count: number of hairs within the reach.
        age: in years; grey hair is likelier with age.
        fitzpatrick: skin type, 1 to 6; blond hair only with fair skin.
        reach_mm: half the side of the square that they are scattered over.
    """
    grey = rng.random() < min(max((age - 45) / 50, 0), 0.7)
    fair = ("blond", "brown", "brown") if fitzpatrick <= 2 else ("brown", "black", "black")
    colour = "grey" if grey else fair[rng.integers(3)]
    growth = rng.uniform(0, 2 * math.pi)
    curves = tuple(
        wander(
            rng,
            start=(rng.uniform(-reach_mm, reach_mm), rng.uniform(-reach_mm, reach_mm)),
            direction=growth + rng.normal(0, 0.45),
            length_mm=rng.uniform(4, 18),
            bend=rng.uniform(0.2, 1.2),
        )
        for _ in range(count)
    )
    return Strands(curves, rng.uniform(0.035, 0.075), _HAIR_COLOURS[colour])


def draw_pen(rng: np.random.Generator, lesion_mm: float) -> Strands:
    """The surgeon's pen: one or two arcs around a lesion of a long diameter of ``lesion_mm``."""
    radius = lesion_mm * rng.uniform(0.75, 1.1)
    curves = []
    for _ in range(rng.integers(1, 3)):
        begin, sweep = rng.uniform(0, 2 * math.pi), rng.uniform(1.0, 5.0)
        angle = np.linspace(begin, begin + sweep, 40)
        unsteady = 1 + 0.05 * np.sin(3 * angle + rng.uniform(0, 6)) + rng.normal(0, 0.005, 40)
        around = np.column_stack([np.cos(angle), np.sin(angle)])
        curves.append(radius * unsteady[:, None] * around)
    return Strands(
        tuple(curves), rng.uniform(0.35, 0.8), _INK, opacity=rng.uniform(0.4, 0.9), above=False
    )


def lay_strands(view: View, strands: Strands, picture: Picture) -> None:
    """Draw lines, and the soft shadows of hairs, over a picture in linear light, in place."""
    if not strands.curves:
        return
    cover = draw_curves(view, strands.curves, strands.thickness_mm, taper=strands.above)
    if strands.above:
        offset = max(1, round(0.15 * view.px_per_mm))
        shadow = np.zeros_like(cover)
        shadow[offset:, offset:] = cover[:-offset, :-offset]
        picture *= (1 - np.float32(_SHADOW) * shadow)[:, :, None]
    opacity = np.float32(strands.opacity) * cover
    for channel in range(3):
        layer = picture[:, :, channel]
        beneath = np.float32(1.0) if strands.above else layer  # Ink lets the skin's colour through.
        layer += opacity * (np.float32(strands.colour[channel]) * beneath - layer)


def branch_vessels(rng: np.random.Generator, radius_mm: float, count: int) -> tuple[Curve, ...]:
    """Tree-like dilated vessels (telangiectasia) that enter a lesion from its border."""
    curves = []
    for _ in range(count):
        angle = rng.uniform(0, 2 * math.pi)
        start = (radius_mm * math.cos(angle), radius_mm * math.sin(angle))
        inward = angle + math.pi + rng.normal(0, 0.5)
        trunk = wander(rng, start, inward, radius_mm * rng.uniform(0.6, 1.2), 1.6)
        curves.append(trunk)
        for _ in range(rng.integers(1, 3)):
            knot = trunk[rng.integers(4, 14)]
            fork = inward + rng.choice([-1, 1]) * rng.uniform(0.5, 1.1)
            length = radius_mm * rng.uniform(0.25, 0.6)
            curves.append(wander(rng, (knot[0], knot[1]), fork, length, 1.6))
    return tuple(curves)
