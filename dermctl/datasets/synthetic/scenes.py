"""Put a scene together: a patient's skin, a lesion on it, hair and pen marks over it."""

from __future__ import annotations

import numpy as np

from dermctl.datasets.synthetic.diagnoses import draw_lesion
from dermctl.datasets.synthetic.photograph import Scene
from dermctl.datasets.synthetic.skin import draw_skin
from dermctl.datasets.synthetic.strands import Strands, draw_hair, draw_pen

_HAIRS = {"SCALP": 90, "FOREARM": 22, "CHEST": 14, "THIGH": 14, "ARM": 10, "FACE": 7, "NECK": 7}
_HAIRS_ELSEWHERE = 4
_HAIR_REACH_MM = 22.0
_PEN_SHARE = 0.12


def draw_scene(
    rng: np.random.Generator,
    *,
    diagnosis: str,
    region: str,
    fitzpatrick: int,
    melanin: float,
    age: int,
) -> Scene:
    """A scene as the photographer meets it.

    Args:
        rng: source of chance.
        diagnosis: one of `diagnoses.DIAGNOSES`.
        region: part of the body, as PAD-UFES-20 spells it; decides on the number of hairs.
        fitzpatrick: the patient's skin type, 1 to 6.
        melanin: the patient's own pigment.
        age: in years.
    """
    lesion = draw_lesion(rng, diagnosis, fitzpatrick)
    usual = _HAIRS.get(region, _HAIRS_ELSEWHERE)
    hair = draw_hair(
        rng,
        count=round(usual * rng.uniform(0, 1.8) ** 2 / 1.1),
        age=age,
        fitzpatrick=fitzpatrick,
        reach_mm=_HAIR_REACH_MM,
    )
    strands: tuple[Strands, ...] = (hair,)
    if rng.random() < _PEN_SHARE:
        strands = (draw_pen(rng, lesion.outline.diameters_mm[0]), hair)
    return Scene(draw_skin(rng, fitzpatrick, melanin, age), lesion, strands)
