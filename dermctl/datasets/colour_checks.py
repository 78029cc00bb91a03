"""Is there colour in a picture? By its pixels: many grey pictures are stored as RGB."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

GREY_TOLERANCE = 8
"""Spread of the channels, in levels of 255, up to which a picture counts as grey.

Measured as ``colour_spread``: 0 for a grey picture that was saved as RGB, at any JPEG quality; at
most 4 where it was scanned with colour noise of 8 levels; at least 19 in each of 10,366 colour
photographs (HAM10000, PAD-UFES-20).
"""

_SIDE = 64
_SHARE = 0.99


def is_grey(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether ``pixels`` (uint8 [H, W, 3], RGB) hold no colour beyond noise."""
    return colour_spread(pixels) <= GREY_TOLERANCE


def colour_spread(pixels: npt.NDArray[np.uint8]) -> int:
    """The largest minus the smallest channel, exceeded by the most colourful 1 % of the picture.

    Measured on averages of blocks, some 64 along the short side, so that the noise of sensors and the
    blotches of JPEG chroma count for little and real colour for all it is.
    """
    red, green, blue = cv2.split(_average_blocks(pixels))
    largest = np.maximum(np.maximum(red, green), blue)
    smallest = np.minimum(np.minimum(red, green), blue)
    spread = (largest - smallest).ravel()
    at = int(_SHARE * (spread.size - 1))
    return int(np.partition(spread, at)[at])


def _average_blocks(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    block = max(1, min(height, width) // _SIDE)
    columns, rows = width // block, height // block
    whole = pixels[: rows * block, : columns * block]
    averages = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(averages, dtype=np.uint8)
