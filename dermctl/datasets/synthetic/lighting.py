"""Light on skin: shading of its relief, shine, uneven light and colour cast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from dermctl.datasets.synthetic.layers import Layers
from dermctl.datasets.synthetic.view import Field, Picture, View

_DOUBLINGS = 5  # The Blinn-Phong exponent is 2 to this power: skin shines broadly.
_VEIL = 0.12  # Share of the shine of flat skin that is kept: cameras expose for the rest.


@dataclass(frozen=True)
class Light:
    """How a photograph is lit.

    Attributes:
        azimuth: where the light comes from, radians.
        elevation: height of the light over the skin, radians.
        ambient: share of the light that comes from everywhere.
        shine: strength of mirror-like reflection.
        fall_off: loss of light across the photograph, 0 to about 0.6.
        fall_angle: direction of that loss, radians.
        vignette: loss of light towards the corners, 0 to about 0.4.
        cast: factor for red, green and blue.
        exposure: factor for all light.
    """

    azimuth: float
    elevation: float
    ambient: float
    shine: float
    fall_off: float
    fall_angle: float
    vignette: float
    cast: tuple[float, float, float]
    exposure: float


def draw_light(rng: np.random.Generator) -> Light:
    """The light of one consulting room: daylight, lamp or flash."""
    warmth = rng.normal(0.06, 0.09)  # Over 0 an incandescent lamp, under 0 shade or fluorescent.
    green = rng.normal(0.0, 0.025)
    return Light(
        azimuth=rng.uniform(0, 2 * math.pi),
        elevation=rng.uniform(0.6, 1.25),
        ambient=rng.uniform(0.30, 0.6),
        shine=rng.uniform(0.05, 0.28),
        fall_off=rng.uniform(0.0, 0.45),
        fall_angle=rng.uniform(0, 2 * math.pi),
        vignette=rng.uniform(0.0, 0.3),
        cast=(math.exp(warmth), math.exp(green), math.exp(-1.3 * warmth)),
        exposure=math.exp(rng.normal(-0.08, 0.14)),
    )


def illuminate(layers: Layers, view: View, light: Light) -> Picture:
    """What the lens sees, in linear light, (height, width, 3)."""
    slope_x, slope_y = _slopes(layers.relief, view)
    steepness = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    towards = _direction(light)
    level = math.sin(light.elevation)  # What flat skin receives: shading is relative to it.
    facing = (towards[2] - towards[0] * slope_x - towards[1] * slope_y) * steepness
    diffuse = light.ambient + (1 - light.ambient) / level * np.maximum(facing, 0)

    # Halfway between light and lens: relief that faces there mirrors the light.
    half = towards + np.array([0.0, 0.0, 1.0], np.float32)
    half /= np.linalg.norm(half).astype(np.float32)
    mirrored = (half[2] - half[0] * slope_x - half[1] * slope_y) * steepness
    glint = np.maximum(mirrored, 0)
    for _ in range(_DOUBLINGS):
        glint *= glint
    flat = (1 - _VEIL) * float(half[2]) ** 2**_DOUBLINGS
    glint = np.maximum(glint - np.float32(flat), 0)
    shine = light.shine * layers.gloss * glint
    shine /= 1 + 3 * shine  # A rough surface spreads its brightest glints.

    spread = _spread(view, light)
    picture = layers.albedo()
    for channel in range(3):
        tint = np.float32(light.cast[channel] * light.exposure) * spread
        picture[:, :, channel] = (picture[:, :, channel] * diffuse + shine) * tint
    return picture


def _direction(light: Light) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    flat = math.cos(light.elevation)
    return np.array(
        [flat * math.cos(light.azimuth), flat * math.sin(light.azimuth), math.sin(light.elevation)],
        np.float32,
    )


def _slopes(relief: Field, view: View) -> tuple[Field, Field]:
    """Rise over run of the relief, along x and y."""
    scale = view.px_per_mm / 8  # A 3 x 3 Sobel operator sums to 8 times the slope.
    x = cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=scale)
    y = cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=scale)
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _spread(view: View, light: Light) -> Field:
    """How the light falls off across the photograph; 1 where it is brightest."""
    column = np.linspace(-1, 1, view.width, dtype=np.float32)[None, :]
    row = np.linspace(-1, 1, view.height, dtype=np.float32)[:, None]
    across = column * math.cos(light.fall_angle) + row * math.sin(light.fall_angle)
    fall = 1 - np.float32(light.fall_off / 2) * (1 + across / np.float32(math.sqrt(2)))
    corner = (column**2 + row**2) / 2
    return np.asarray(fall * (1 - np.float32(light.vignette) * corner), np.float32)
