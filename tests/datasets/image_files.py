"""Small picture files of every kind, made by Pillow, for the tests of this folder."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def picture(width: int = 96, height: int = 64, seed: int = 0) -> Pixels:
    """Smooth, colourful and unlike itself when turned or mirrored: uint8 [H, W, 3]."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def file_of(pixels: Pixels | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of Pillow's ``kind``."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    """What Pillow reads."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def near(one: Pixels, other: Pixels) -> float:
    """Mean absolute difference, in levels."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())
