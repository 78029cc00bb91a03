"""Pictures for the tests of views: smooth as photographs are, with a dark blot, from a seed."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from dermctl.datasets.store import Store, StoreWriter
from dermctl.views.images import Part, StoredImages

Pixels = npt.NDArray[np.uint8]


def picture(width: int, height: int, seed: int = 0) -> Pixels:
    """uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(60, 230, (7, 10, 3))
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width]
    blot = ((x - 0.4 * width) / (0.25 * width)) ** 2 + ((y - 0.5 * height) / (0.3 * height)) ** 2
    smooth[blot < 1] *= 0.45
    return np.clip(smooth + rng.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


def encoded(pixels: Pixels, kind: str = "JPEG", **options: object) -> bytes:
    """The bytes of a file that holds them."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(
        buffer, kind, **({"quality": 90} | options if kind == "JPEG" else options)
    )
    return buffer.getvalue()


def stored(folder: Path, sizes: list[tuple[int, int]]) -> StoredImages:
    """A store of JPEG pictures of these sizes (width, height), one seed each."""
    with StoreWriter(folder) as writer:
        places = [
            writer.add(f"image-{number}", encoded(picture(*size, seed=number)))
            for number, size in enumerate(sizes)
        ]
    shard, row = np.array(places).T
    names = [f"image-{number}" for number in range(len(sizes))]
    return StoredImages(Part(Store(folder), shard, row, names))
