"""Small made pictures and folders of them: seeded, in colour, and of a hue for each class."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

HUES = {"melanoma": (90, 50, 40), "nevus": (210, 160, 140), "seborrheic": (150, 120, 60)}
"""Mean colour of each class: far enough apart to be learned in a step or two."""


def pixels(seed: int, side: int = 40, hue: Sequence[int] = (150, 100, 90)) -> np.ndarray:
    """A noisy patch of colour, uint8 [side, side, 3]."""
    noise = np.random.default_rng(seed).integers(-30, 31, (side, side, 3))
    return np.clip(np.asarray(hue) + noise, 0, 255).astype(np.uint8)


def jpeg(seed: int, side: int = 40, hue: Sequence[int] = (150, 100, 90)) -> bytes:
    """The same, encoded."""
    buffer = io.BytesIO()
    Image.fromarray(pixels(seed, side, hue)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_picture(path: Path, seed: int, side: int = 40, label: str = "nevus") -> Path:
    """Write one picture as PNG or JPEG, as its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed, side, HUES.get(label, (150, 100, 90)))).save(path)
    return path


def class_folders(folder: Path, classes: Mapping[str, int], side: int = 40) -> Path:
    """A folder a class with that many pictures; no two are alike."""
    seed = 0
    for label, count in classes.items():
        for number in range(count):
            write_picture(folder / label / f"{label}-{number}.png", seed, side, label)
            seed += 1
    return folder
