"""Crop and resize on the CPU: two-tap bilinear, with just enough smoothing before a reduction."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike

Pixels = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]

PLAIN_REDUCTION = 1.3
"""Up to this reduction (root of the areas' ratio) two-tap bilinear needs no smoothing first."""

_HALVE_FROM = 5**0.5  # beyond it the three-tap kernel would no longer have its peak in the middle


class Smoothing(NamedTuple):
    """What is done to a crop before it is resized.

    Args:
        factor: side of the squares of pixels that are averaged into one first; 1, 2, 4, ...
        a_x: weight of the left and the right neighbour in the kernel [a, 1 - 2a, a].
        a_y: likewise of those above and below.
    """

    factor: int = 1
    a_x: float = 0.0
    a_y: float = 0.0


NO_SMOOTHING = Smoothing()


def smoothing(width: int, height: int, size: int) -> Smoothing:
    """What takes out of a crop of ``width`` x ``height`` that which ``size`` cannot show.

    Pillow's and torch's antialiased bilinear filter is a triangle of half-width r, the reduction,
    with variance r^2 / 6. Averaging squares of F pixels (variance (F^2 - 1) / 12), the three-tap
    kernel (2a, in squares) and the two taps of the resize itself (1 / 6) together are given that
    variance too, for a third of the time. Pixels at the far ends that fill no whole square are left
    out: fewer than F of more than 2 F x ``size``.
    """
    if width * height <= (PLAIN_REDUCTION * size) ** 2:
        return NO_SMOOTHING
    factor = 1
    while min(width, height) / (factor * size) > _HALVE_FROM:
        factor *= 2
    weights = []
    for length in (width, height):
        variance = ((length / size) ** 2 / 6 - (factor**2 - 1) / 12) / factor**2
        weights.append(min(max((variance - 1 / 6) / 2, 0.0), 1 / 3))
    return Smoothing(factor, *weights)


def crop_resize(pixels: Pixels, box: Box, size: int) -> Pixels:
    """Cut ``box`` (left, top, width, height) out of [H, W, 3] and resize it to [size, size, 3]."""
    left, top, width, height = box
    crop: MatLike = pixels[top : top + height, left : left + width]
    plan = smoothing(width, height, size)
    if plan is not NO_SMOOTHING:
        crop = _smooth(crop, plan)
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR), np.uint8)


def _smooth(crop: MatLike, plan: Smoothing) -> MatLike:
    if plan.factor > 1:
        height, width = (side // plan.factor for side in crop.shape[:2])
        whole = crop[: height * plan.factor, : width * plan.factor]
        crop = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    across, down = (np.array([a, 1 - 2 * a, a], np.float32) for a in (plan.a_x, plan.a_y))
    return cv2.sepFilter2D(crop, -1, across, down)
