"""Periodic textures that every photograph is cut from.

Drawing fresh noise for each photograph would cost more than the photograph itself. These few maps
are made once a process and then sampled at other places, angles and scales. They repeat seamlessly,
so that a sample may cross their edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dermctl.datasets.synthetic.view import Field, View

SIDE = 768
"""Texels after which the textures repeat. They are stored twice over in both directions, so that
most samples lie within them: OpenCV is several times slower where it has to wrap around."""

TEXELS_PER_MM = 12.0
"""Close to the pixels per millimetre of the photographs: neither blurred nor aliased."""

_SEED = 20_200_617  # Part of the drawing, not of a sample: one skin texture for all seeds.


@dataclass(frozen=True)
class Textures:
    """The maps, each (2 SIDE, 2 SIDE) and repeating after SIDE.

    Attributes:
        cloud: patchy variation between 0.7 and 25 mm, mean 0, standard deviation 1.
        grain: rough variation between 0.15 and 1 mm, mean 0, standard deviation 1.
        furrow: the fine crossing lines of skin, 1 in a line and 0 on the plateaux between them.
        pores: follicle openings, 1 at the centre of a pore.
    """

    cloud: Field
    grain: Field
    furrow: Field
    pores: Field


@dataclass(frozen=True)
class Anchor:
    """Where a lesion or a patch of skin lies on the textures: what makes it unlike the others."""

    x_mm: float
    y_mm: float
    angle: float

    @staticmethod
    def draw(rng: np.random.Generator) -> Anchor:
        """A random place and angle."""
        x, y = rng.uniform(0, SIDE / TEXELS_PER_MM, 2)
        return Anchor(float(x), float(y), rng.uniform(0, 2 * math.pi))


def sample(
    texture: Field, view: View, anchor: Anchor, *, stretch: float = 1.0, layer: int = 0
) -> Field:
    """Look at a texture through a view.

    Args:
        texture: one of the maps of `Textures`.
        view: the camera.
        anchor: the place on the texture.
        stretch: how many times larger its features are to appear.
        layer: another layer is another, unrelated part of the same texture.

    Returns:
        The texture as the view sees it, (view.height, view.width).
    """
    scale = TEXELS_PER_MM / stretch
    angle = anchor.angle + 2.4 * layer
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    matrix = linear @ view.to_mm
    place = np.array([anchor.x_mm + 31.7 * layer, anchor.y_mm + 17.3 * layer])
    matrix[:, 2] += TEXELS_PER_MM * place
    corners = np.array([[0, 0, 1], [view.width, 0, 1], [0, view.height, 1]]) @ matrix.T
    # The sample spans a parallelogram: bring its lowest coordinates into the first repetition.
    lowest = corners[0] + np.minimum(corners[1:] - corners[0], 0).sum(axis=0)
    matrix[:, 2] -= SIDE * np.floor(lowest / SIDE)
    seen: Field = cv2.warpAffine(  # type: ignore[assignment]
        texture,
        matrix,
        (view.width, view.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_WRAP,
    )
    return seen


@cache
def textures() -> Textures:
    """The maps, made at the first call."""
    rng = np.random.default_rng(_SEED)
    return Textures(
        cloud=np.tile(_noise(rng, shortest_mm=0.7, longest_mm=25.0, exponent=1.3), (2, 2)),
        grain=np.tile(_noise(rng, shortest_mm=0.15, longest_mm=1.0, exponent=0.5), (2, 2)),
        furrow=np.tile(_furrows(rng), (2, 2)),
        pores=np.tile(_pores(rng), (2, 2)),
    )


def _noise(
    rng: np.random.Generator, *, shortest_mm: float, longest_mm: float, exponent: float
) -> Field:
    """Gaussian noise whose amplitude falls with frequency to the power ``exponent``, in a band."""
    white = rng.standard_normal((SIDE, SIDE))
    across = np.fft.rfftfreq(SIDE) * TEXELS_PER_MM
    down = np.fft.fftfreq(SIDE) * TEXELS_PER_MM
    frequency = np.hypot(down[:, None], across[None, :])  # cycles per mm
    frequency[0, 0] = 1.0
    band = np.exp(-((frequency * shortest_mm) ** 2) - (1 / (frequency * longest_mm)) ** 2)
    amplitude = band * frequency**-exponent
    amplitude[0, 0] = 0.0
    noise = np.fft.irfft2(np.fft.rfft2(white) * amplitude, s=(SIDE, SIDE))
    return np.asarray(noise / noise.std(), np.float32)


def _furrows(rng: np.random.Generator, cell_mm: float = 0.85, width_mm: float = 0.1) -> Field:
    """Borders of Voronoi cells around jittered grid points: the polygons seen on real skin."""
    cells = round(SIDE / (cell_mm * TEXELS_PER_MM))
    spacing = SIDE / cells
    row, column = np.mgrid[0:cells, 0:cells]
    y = (row + rng.uniform(-0.1, 1.1, row.shape)) * spacing
    x = (column + rng.uniform(-0.1, 1.1, row.shape)) * spacing
    seeds = np.full((SIDE, SIDE), 255, np.uint8)
    seeds[y.astype(int) % SIDE, x.astype(int) % SIDE] = 0
    margin = 4 * math.ceil(spacing)
    seeds = np.pad(seeds, margin, mode="wrap")
    _, nearest = cv2.distanceTransformWithLabels(
        seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    inside = np.full(nearest.shape, 255, np.uint8)
    inside[:, 1:][nearest[:, 1:] != nearest[:, :-1]] = 0
    inside[1:, :][nearest[1:, :] != nearest[:-1, :]] = 0
    distance_mm = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / TEXELS_PER_MM
    line = np.exp(-((distance_mm / width_mm) ** 2))[margin:-margin, margin:-margin]
    depth = 0.55 + 0.25 * _noise(rng, shortest_mm=1.0, longest_mm=8.0, exponent=0.5)
    return np.asarray(line * np.clip(depth, 0.1, 1.0), np.float32)


def _pores(rng: np.random.Generator, per_mm2: float = 0.25, radius_mm: float = 0.16) -> Field:
    """Small round dips at random places."""
    area_mm2 = (SIDE / TEXELS_PER_MM) ** 2
    y, x = rng.integers(0, SIDE, (2, round(per_mm2 * area_mm2)))
    dots: NDArray[np.float64] = np.zeros((SIDE, SIDE))
    dots[y, x] = rng.uniform(0.3, 1.0, y.shape)
    sigma = radius_mm * TEXELS_PER_MM / 2
    margin = math.ceil(6 * sigma)
    blurred = cv2.GaussianBlur(np.pad(dots, margin, mode="wrap"), (0, 0), sigma)
    # A dot blurred by sigma peaks at 1 / (2 pi sigma^2): bring that back to its strength.
    pores = blurred[margin:-margin, margin:-margin] * 2 * math.pi * sigma**2
    return np.asarray(np.clip(pores, 0, 1), np.float32)
