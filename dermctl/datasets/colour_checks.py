"""Is there colour in a picture? By its pixels: many grey pictures are stored as RGB."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

GREY_TOLERANCE = 8
"""Largest minus smallest channel, in levels of 255, up to which a spot counts as grey.

The spread that 1 % of the spots exceed is 0 in a grey picture saved as RGB at any JPEG quality, at
most 6 in one with colour noise of 4 levels, and at least 20 in each of 10,366 colour photographs
(HAM10000, PAD-UFES-20). Nearer the grey end of that gap: dark skin in dim light has little spread.
"""

COLOURED_SHARE = 0.01
"""Share of spots with colour up to which a picture counts as grey: a coloured stamp is no skin."""

_SPOTS = 64


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
    whole = pixels[: rows * block, : columns * block]
    spots = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    red, green, blue = cv2.split(spots)
    largest = cv2.max(cv2.max(red, green), blue)
    smallest = cv2.min(cv2.min(red, green), blue)
    return np.asarray(cv2.subtract(largest, smallest), dtype=np.uint8)
