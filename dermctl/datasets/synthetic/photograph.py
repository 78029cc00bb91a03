"""Take a photograph of a scene: skin, lesion and hair through a lens, on a sensor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.synthetic.backdrop import Backdrop, draw_backdrop, lay_backdrop
from dermctl.datasets.synthetic.lesion import Lesion
from dermctl.datasets.synthetic.lighting import Light, draw_light, illuminate
from dermctl.datasets.synthetic.paint import paint_lesion
from dermctl.datasets.synthetic.skin import SkinPatch, skin_layers
from dermctl.datasets.synthetic.strands import Strands, lay_strands
from dermctl.datasets.synthetic.textures import SIDE as NOISE_SIDE
from dermctl.datasets.synthetic.view import Picture, View

_LEVELS = 4096
SIDES = (280, 384)
"""Smallest and largest side of a photograph, in pixels."""


@dataclass(frozen=True)
class Scene:
    """What is photographed: the same for all photographs of a lesion."""

    skin: SkinPatch
    lesion: Lesion
    strands: tuple[Strands, ...]


@dataclass(frozen=True)
class Shot:
    """How one photograph is taken.

    Attributes:
        view: where the camera stands.
        light: how the scene is lit.
        backdrop: what is seen beyond the body, if its edge is in the photograph.
        blur_px: standard deviation of the defocus.
        noise: standard deviation of the sensor's noise at mid-grey, in linear light.
        noise_at: where on the sheet of noise this photograph's noise begins.
    """

    view: View
    light: Light
    backdrop: Backdrop | None
    blur_px: float
    noise: float
    noise_at: tuple[int, int]


def draw_shot(rng: np.random.Generator, lesion_mm: float) -> Shot:
    """A photograph of a lesion with a long diameter of ``lesion_mm``, by hand and in haste."""
    side = int(rng.integers(SIDES[0], SIDES[1] + 1))
    # People come closer to small lesions, but not so close that all look equally large.
    field_mm = 17.0 * (max(lesion_mm, 2.0) / 8.0) ** 0.55 * rng.uniform(0.8, 1.4)
    wander = 0.055 * field_mm
    view = View.looking(
        side,
        px_per_mm=side / field_mm,
        angle=rng.uniform(-0.9, 0.9),
        tilt=rng.uniform(0, 0.25),
        centre_mm=(rng.normal(0, wander), rng.normal(0, wander)),
    )
    out_of_focus = rng.random() < 0.12
    return Shot(
        view=view,
        light=draw_light(rng),
        backdrop=draw_backdrop(rng) if rng.random() < 0.08 else None,
        blur_px=rng.uniform(1.8, 3.2) if out_of_focus else rng.uniform(0.45, 1.1),
        noise=rng.uniform(0.002, 0.008),
        noise_at=(
            int(rng.integers(NOISE_SIDE - SIDES[1])),
            int(rng.integers(NOISE_SIDE - SIDES[1])),
        ),
    )


def photograph(scene: Scene, shot: Shot) -> NDArray[np.uint8]:
    """Take one photograph.

    Returns:
        sRGB, (height, width, 3).
    """
    layers = skin_layers(shot.view, scene.skin)
    paint_lesion(shot.view, scene.lesion, layers)
    picture = illuminate(layers, shot.view, shot.light)
    for strands in scene.strands:
        lay_strands(shot.view, strands, picture)
    if shot.backdrop is not None:
        lay_backdrop(shot.backdrop, picture)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), shot.blur_px), np.float32)
    return _develop(picture, shot)


def _develop(picture: Picture, shot: Shot) -> NDArray[np.uint8]:
    """Sensor noise and the sRGB tone curve."""
    top, left = shot.noise_at
    noise = _noise_sheet()[top : top + shot.view.height, left : left + shot.view.width]
    picture += np.float32(shot.noise) * noise
    level = np.clip(picture * np.float32(_LEVELS - 1), 0, _LEVELS - 1).astype(np.uint16)
    return np.asarray(_tone_curve()[level], np.uint8)


@cache
def _noise_sheet() -> NDArray[np.float32]:
    """Noise of a sensor whose pixels share colours with their neighbours, standard deviation 1."""
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((NOISE_SIDE, NOISE_SIDE, 3), dtype=np.float32)
    soft = cv2.GaussianBlur(raw, (0, 0), 0.7)
    return np.asarray(soft / soft.std(), np.float32)


@cache
def _tone_curve() -> NDArray[np.uint8]:
    """The sRGB transfer function (IEC 61966-2-1) as a table over linear light."""
    linear = np.linspace(0, 1, _LEVELS)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(255 * encoded), np.uint8)
