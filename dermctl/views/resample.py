"""Crop and resize on the CPU: two-tap bilinear, with just enough smoothing before a reduction."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

PLAIN_REDUCTION = 1.3
"""Up to this reduction (root of the areas' ratio) two-tap bilinear needs no smoothing first."""

_HALVE_FROM = 5**0.5  # beyond it the three-tap kernel below would no longer have one hump


def crop_resize(pixels: Pixels, box: Box, size: int) -> Pixels:
    """Cut ``box`` (left, top, width, height) out of [H, W, 3] and resize it to [size, size, 3]."""
    left, top, width, height = box
    crop = pixels[top : top + height, left : left + width]
    if width * height > (PLAIN_REDUCTION * size) ** 2:
        crop = _smooth(crop, size)
    return cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _smooth(crop: Pixels, size: int) -> Pixels:
    """Take out what the reduction to ``size`` would alias.

    Pillow's and torch's antialiased bilinear filter is a triangle of half-width r, the reduction,
    with variance r^2 / 6. Halving (a box of F = 2, 4, ... pixels, (F^2 - 1) / 12), a three-tap
    kernel [a, 1 - 2a, a] (2a) and the two taps of the resize itself (1 / 6) are given the same
    variance in sum, for a third of the time.
    """
    height, width = crop.shape[:2]
    taps = []
    factor = 1
    while min(height, width) / (factor * size) > _HALVE_FROM:
        factor *= 2
    if factor > 1:
        even = crop[: height // factor * factor, : width // factor * factor]
        crop = cv2.resize(  # type: ignore[assignment]
            even, (width // factor, height // factor), interpolation=cv2.INTER_AREA
        )
    for length in (width, height):
        wanted = ((length / size) ** 2 / 6 - (factor**2 - 1) / 12) / factor**2
        a = min(max((wanted - 1 / 6) / 2, 0.0), 1 / 3)
        taps.append(np.array([a, 1 - 2 * a, a], np.float32))
    if all(kernel[0] == 0 for kernel in taps):
        return crop
    return cv2.sepFilter2D(crop, -1, taps[0], taps[1])  # type: ignore[return-value]
