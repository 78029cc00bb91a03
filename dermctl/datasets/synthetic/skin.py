"""Healthy skin of the six Fitzpatrick types: tone, mottling, freckles, creases and pores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dermctl.datasets.synthetic.layers import Layers
from dermctl.datasets.synthetic.textures import Anchor, sample, textures
from dermctl.datasets.synthetic.view import View, smoothstep

TYPE_MELANIN = {1: 0.09, 2: 0.37, 3: 0.75, 4: 1.36, 5: 2.33, 6: 3.7}
"""Melanin of a typical skin of each Fitzpatrick type.

The individual typology angles that follow lie in the bands very light (over 55 degrees), light,
intermediate, tan, brown and dark (below -30) of Del Bino and Bernerd 2013, "Variations in skin
colour and the biological consequences of ultraviolet radiation exposure".
"""

_MELANIN_SPREAD = {1: 0.04, 2: 0.07, 3: 0.10, 4: 0.14, 5: 0.25, 6: 0.35}


@dataclass(frozen=True)
class SkinPatch:
    """The skin around one lesion.

    Attributes:
        fitzpatrick: skin type, 1 to 6.
        melanin: its pigment (see `TYPE_MELANIN`).
        flush: blood beyond that of calm skin.
        mottle: unevenness of pigment and blood.
        freckles: strength of sun spots, 0 for none.
        creases: depth of the fine lines, 0.5 (young) to 1.5 (weathered).
        pores: depth of the pores.
        cell: size of the pattern of lines; 1 is usual.
        gloss: how oily the skin shines.
        anchor: its place on the textures.
    """

    fitzpatrick: int
    melanin: float
    flush: float
    mottle: float
    freckles: float
    creases: float
    pores: float
    cell: float
    gloss: float
    anchor: Anchor


def draw_skin(rng: np.random.Generator, fitzpatrick: int, melanin: float, age: int) -> SkinPatch:
    """A patch of a patient's skin.

    Args:
        rng: source of chance.
        fitzpatrick: skin type, 1 to 6.
        melanin: the patient's own pigment, from `draw_melanin`.
        age: in years; older skin has deeper lines, more spots and more mottling.
    """
    weathered = min(max((age - 25) / 50, 0.0), 1.0)
    sun = weathered * (1.0 if fitzpatrick <= 3 else 0.35)
    return SkinPatch(
        fitzpatrick=fitzpatrick,
        melanin=melanin * math.exp(rng.normal(0, 0.05)),
        flush=max(rng.normal(0.02 + 0.12 * sun, 0.07), -0.08),
        mottle=rng.uniform(0.5, 0.9) + 0.5 * sun,
        freckles=sun * rng.choice([0.0, 0.3, 0.6, 1.0]),
        creases=rng.uniform(0.35, 0.9) + 0.7 * weathered,
        pores=rng.uniform(0, 1) ** 2,
        cell=rng.uniform(0.7, 1.5),
        gloss=rng.uniform(0.2, 0.9),
        anchor=Anchor.draw(rng),
    )


def draw_melanin(rng: np.random.Generator, fitzpatrick: int) -> float:
    """The pigment of one patient of a skin type."""
    return max(0.03, rng.normal(TYPE_MELANIN[fitzpatrick], _MELANIN_SPREAD[fitzpatrick]))


def skin_layers(view: View, skin: SkinPatch) -> Layers:
    """Lay the healthy skin out through a view."""
    maps = textures()
    cloud = sample(maps.cloud, view, skin.anchor)
    blush = sample(maps.cloud, view, skin.anchor, layer=1, stretch=0.6)
    grain = sample(maps.grain, view, skin.anchor, layer=2)
    furrow = sample(maps.furrow, view, skin.anchor, stretch=skin.cell)
    pores = sample(maps.pores, view, skin.anchor, layer=1)

    uneven = 0.05 * cloud + 0.035 * grain
    melanin = skin.melanin * (1 + skin.mottle * uneven) + skin.mottle * 0.02 * cloud
    melanin += 0.10 * furrow * skin.creases * min(1.0, 0.4 + skin.melanin)
    if skin.freckles:
        spots = sample(maps.cloud, view, skin.anchor, layer=3, stretch=0.5)
        melanin += 0.4 * skin.freckles * smoothstep(1.0, 2.4, spots)
    blood = skin.flush + skin.mottle * (0.035 * blush + 0.025 * cloud + 0.02 * grain)
    blood += 0.06 * skin.creases * furrow
    relief = 0.012 * grain - 0.05 * skin.creases * furrow - 0.07 * skin.pores * pores
    melanin += 0.12 * skin.pores * pores
    empty = np.zeros_like(melanin)
    return Layers(
        melanin=np.maximum(melanin, 0),
        blood=blood,
        deep=empty.copy(),
        relief=relief,
        gloss=np.full_like(empty, skin.gloss),
        keratin=empty.copy(),
        crust=empty.copy(),
    )
