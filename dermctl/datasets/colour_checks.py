"""Is there colour in a picture? By its pixels: many grey pictures are stored as RGB."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike

GREY_TOLERANCE = 8
"""Largest minus smallest channel, in levels of 255, up to which a spot counts as grey.

The spread that 1 % of the spots exceed is 0 in a grey picture saved as RGB at any JPEG quality, at
most 6 in one with colour noise of 4 levels, and at least 20 in each of 10,366 colour photographs
(HAM10000, PAD-UFES-20). Nearer the grey end of that gap: dark skin in dim light has little spread.
"""

COLOURED_SHARE = 0.01
"""Share of spots with colour up to which a picture counts as grey: a coloured stamp is no skin."""

_SPOTS = 64
_AREA = cv2.INTER_AREA


def is_grey(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether ``pixels`` (uint8 [H, W, 3], RGB) hold no colour beyond noise."""
    spread = colour_spread(pixels)
    return int(np.count_nonzero(spread > GREY_TOLERANCE)) <= COLOURED_SHARE * spread.size


def colour_spread(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Largest minus smallest channel of every spot: uint8 [h, w].

    Spots are averages of square blocks, some 64 along the short side, so that the noise of sensors
    and the blotches of JPEG chroma count for little and real colour for all it is.
    """
    height, width = pixels.shape[:2]
    block = max(1, min(height, width) // _SPOTS)
    columns, rows = width // block, height // block
    spots: MatLike = pixels[: rows * block, : columns * block]
    if block % 2 == 0:  # OpenCV averages 2 x 2 several times as fast as larger squares
        spots = cv2.resize(spots, (spots.shape[1] // 2, spots.shape[0] // 2), interpolation=_AREA)
    spots = cv2.resize(spots, (columns, rows), interpolation=_AREA)
    red, green, blue = cv2.split(spots)
    largest = cv2.max(cv2.max(red, green), blue)
    smallest = cv2.min(cv2.min(red, green), blue)
    return np.asarray(cv2.subtract(largest, smallest), dtype=np.uint8)
