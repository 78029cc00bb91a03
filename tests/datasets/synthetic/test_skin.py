"""Skin tones: individual typology angles (ITA) of the six types, as measured in photographs."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dermctl.datasets.synthetic.layers import Layers
from dermctl.datasets.synthetic.photograph import draw_shot, photograph
from dermctl.datasets.synthetic.scenes import draw_scene
from dermctl.datasets.synthetic.skin import TYPE_MELANIN, draw_melanin, draw_skin, skin_layers
from dermctl.datasets.synthetic.view import View

# Del Bino and Bernerd 2013: very light, light, intermediate, tan, brown, dark; in degrees.
BANDS = {1: (55, 90), 2: (41, 65), 3: (28, 42), 4: (10, 28), 5: (-30, 10), 6: (-90, -30)}


def ita(linear: np.ndarray) -> float:
    """Individual typology angle in degrees: atan((L* - 50) / b*)."""
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    lightness, _, b = cv2.cvtColor(srgb.astype(np.float32).reshape(1, 1, 3), cv2.COLOR_RGB2Lab)[
        0, 0
    ]
    return float(np.degrees(np.arctan2(lightness - 50, b)))


@pytest.mark.parametrize("fitzpatrick", range(1, 7))
def test_each_type_lies_in_its_published_band(fitzpatrick: int) -> None:
    one = np.zeros((1, 1), np.float32)
    layers = Layers(one + TYPE_MELANIN[fitzpatrick], one, one, one, one, one, one)
    low, high = BANDS[fitzpatrick]
    assert low <= ita(layers.albedo()[0, 0]) <= high


def test_photographed_skin_is_ordered_by_type() -> None:
    angles = []
    for fitzpatrick in range(1, 7):
        of_type = []
        for index in range(12):
            rng = np.random.default_rng([fitzpatrick, index])
            melanin = draw_melanin(rng, fitzpatrick)
            scene = draw_scene(
                rng,
                diagnosis="NEV",
                region="BACK",
                fitzpatrick=fitzpatrick,
                melanin=melanin,
                age=40,
            )
            shot = replace(draw_shot(rng, scene.lesion.outline.diameters_mm[0]), backdrop=None)
            picture = photograph(scene, shot)
            corner = picture[:40, :40].reshape(-1, 3) / 255
            encoded = np.median(corner, axis=0)
            linear = np.where(
                encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
            )
            of_type.append(ita(linear))
        angles.append(np.median(of_type))
    assert angles == sorted(angles, reverse=True)
    assert angles[0] > 41 > 10 > angles[4] > angles[5]


def test_old_fair_skin_has_deeper_lines_than_young() -> None:
    def relief(age: int) -> float:
        rough = []
        for index in range(8):
            rng = np.random.default_rng(index)
            skin = draw_skin(rng, 2, TYPE_MELANIN[2], age)
            rough.append(skin_layers(View.looking(100, 10.0), skin).relief.std())
        return float(np.mean(rough))

    assert relief(80) > 1.3 * relief(20)
