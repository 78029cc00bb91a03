"""Photographs of any size, for benchmarks and for the test of their picture quality.

Real ones (PAD-UFES-20 at native size, resampled) where a folder of real data is there, otherwise
generated texture; sensor noise is added to both, without which an enlarged photograph compresses
to far fewer bytes than a real one of that size.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

NOISE = 2.0  # levels of 255; JPEGs of 24 megapixels then have 2 MB, as those of ISIC do
ROOT = Path(__file__).resolve().parents[2]


def data_folder() -> Path:
    """Where real data lie, unless told otherwise."""
    return Path(os.environ.get("DERMCTL_TEST_DATA", ROOT.parent / "shared" / "data"))


def native_photographs(folder: Path, min_side: int = 700) -> list[Path]:
    """The photographs in ``folder`` that are large enough to be resampled honestly."""
    files = sorted((folder / "pad-ufes-20" / "images").glob("*.png"))
    large = []
    for file in files:
        with Image.open(file) as image:
            if min(image.size) >= min_side:
                large.append(file)
    return large


def photograph(
    files: list[Path], number: int, width: int, height: int, noise: float = NOISE
) -> Pixels:
    """The ``number``-th photograph, cropped and resampled to a size, with noise: [H, W, 3]."""
    rng = np.random.default_rng([number, width, height])
    if files:
        clean = _from_file(files[number % len(files)], width, height)
    else:
        clean = _texture(rng, width, height)
    noisy = clean + noise * rng.standard_normal(clean.shape, dtype=np.float32)
    return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)


def encoded(pixels: Pixels, kind: str, **options: Any) -> bytes:
    """``pixels`` as a file of Pillow's ``kind``."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def _from_file(file: Path, width: int, height: int) -> npt.NDArray[np.float32]:
    with Image.open(file) as opened:
        image = opened.convert("RGB")
    scale = min(image.width / width, image.height / height)
    left = max(0.0, (image.width - width * scale) / 2)
    top = max(0.0, (image.height - height * scale) / 2)
    box = (left, top, image.width - left, image.height - top)
    filter_ = Image.Resampling.BICUBIC
    return np.asarray(image.resize((width, height), filter_, box=box)).astype(np.float32)


def _texture(rng: np.random.Generator, width: int, height: int) -> npt.NDArray[np.float32]:
    """Skin-coloured clouds with detail at every scale, weaker the finer (like photographs)."""
    picture = np.full((height, width, 3), (200, 150, 130), np.float32)
    cells = 4
    while cells <= max(width, height) // 2:
        grid = rng.standard_normal((cells, cells, 3), dtype=np.float32) * 60 / cells**0.65
        picture += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cells *= 2
    return picture
