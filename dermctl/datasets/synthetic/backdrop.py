"""Where the body ends: an arm or an ear before a dark, blurred room."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dermctl.datasets.synthetic.layers import Colour
from dermctl.datasets.synthetic.view import Picture, smoothstep

_CLOTHS: tuple[Colour, ...] = (
    (0.02, 0.02, 0.022),
    (0.05, 0.09, 0.14),
    (0.30, 0.31, 0.30),
    (0.09, 0.04, 0.035),
)


@dataclass(frozen=True)
class Backdrop:
    """What is seen beyond the edge of the body.

    Attributes:
        angle: direction of the edge from the middle of the photograph, radians.
        distance: of the edge from the middle; 1 is half a side.
        bow: how far the edge curves.
        colour: linear RGB of what lies behind.
    """

    angle: float
    distance: float
    bow: float
    colour: Colour


def draw_backdrop(rng: np.random.Generator) -> Backdrop:
    """A backdrop that leaves the middle of the photograph free."""
    return Backdrop(
        angle=rng.uniform(0, 2 * math.pi),
        distance=rng.uniform(0.8, 1.1),
        bow=rng.uniform(-0.1, 0.35),
        colour=_CLOTHS[rng.integers(len(_CLOTHS))],
    )


def lay_backdrop(backdrop: Backdrop, picture: Picture) -> None:
    """Darken the skin towards the edge of the body and hide what lies beyond, in place."""
    height, width = picture.shape[:2]
    column = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    row = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    cos, sin = math.cos(backdrop.angle), math.sin(backdrop.angle)
    beside = row * cos - column * sin
    bowed = backdrop.bow * beside**2 - backdrop.distance
    beyond = np.asarray(column * cos + row * sin + bowed, np.float32)
    # Skin that turns away receives less light.
    picture *= (1 - 0.55 * smoothstep(-0.7, 0.05, beyond))[:, :, None]
    behind = smoothstep(-0.02, 0.05, beyond)
    for channel in range(3):
        layer = picture[:, :, channel]
        layer += behind * (np.float32(backdrop.colour[channel]) - layer)
