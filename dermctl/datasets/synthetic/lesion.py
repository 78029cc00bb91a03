"""A lesion as numbers: everything that can be seen of it, without a diagnosis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dermctl.datasets.synthetic.curves import Curve
from dermctl.datasets.synthetic.layers import CRUST, KERATIN, Colour
from dermctl.datasets.synthetic.outline import Outline


@dataclass(frozen=True)
class Patch:
    """A part of a lesion with a colour of its own.

    Attributes:
        x_mm, y_mm, radius_mm: where it lies, from the lesion's centre.
        pigment: melanin it adds.
        deep: blue-grey pigment it adds.
        redness: blood it adds.
        fade: share of the pigment it takes away (white, regressed or pink areas).
    """

    x_mm: float
    y_mm: float
    radius_mm: float
    pigment: float = 0.0
    deep: float = 0.0
    redness: float = 0.0
    fade: float = 0.0


@dataclass(frozen=True)
class Lesion:
    """What a lesion looks like.

    Attributes:
        outline: its border.
        pigment: melanin added, where it is darkest.
        paler_rim: share of the pigment that the border lacks.
        uneven: unevenness of pigment and redness, 0 to 1.
        dots: strength of small dark dots.
        fade: share of the skin's own pigment that is lost.
        redness: blood added.
        halo: blood added around the lesion.
        patches: differently coloured parts.
        height_mm: how far it is raised.
        slope: width of the rise as a share of the radius: 1 a dome, 0.1 stuck on.
        rim_mm: height of a rolled rim.
        rough_mm: depth of its furrows and bumps.
        smooth: share of the skin's own creases that is lost.
        gloss: mirror-like shine added (pearly, waxy or wet surface).
        scale: share covered by thin white flakes.
        plug: radius of a central plug of horn, as a share of the lesion's.
        crust: share covered by crust.
        ulcer: radius of a raw centre, as a share of the lesion's.
        cysts: strength of small pale dots (horn cysts).
        vessels: lines of dilated vessels.
        keratin_colour: linear RGB of flakes and plug.
        crust_colour: linear RGB of crust.
    """

    outline: Outline
    pigment: float = 0.0
    paler_rim: float = 0.0
    uneven: float = 0.3
    dots: float = 0.0
    fade: float = 0.0
    redness: float = 0.0
    halo: float = 0.0
    patches: tuple[Patch, ...] = ()
    height_mm: float = 0.0
    slope: float = 1.0
    rim_mm: float = 0.0
    rough_mm: float = 0.0
    smooth: float = 0.0
    gloss: float = 0.0
    scale: float = 0.0
    plug: float = 0.0
    crust: float = 0.0
    ulcer: float = 0.0
    cysts: float = 0.0
    vessels: tuple[Curve, ...] = ()
    keratin_colour: Colour = KERATIN
    crust_colour: Colour = CRUST

    @property
    def halo_mm(self) -> float:
        """Width of the reddened skin around the lesion."""
        return max(0.6 * self.outline.radius_mm, 1.0) if self.halo else 0.0


def place_in(
    rng: np.random.Generator, outline: Outline, *, spread: float = 0.7
) -> tuple[float, float]:
    """A random point within the main body, in millimetres from its centre."""
    direction = rng.uniform(0, 2 * math.pi)
    distance = outline.radius_mm * spread * math.sqrt(rng.uniform(0, 1))
    return distance * math.cos(direction), distance * math.sin(direction)
