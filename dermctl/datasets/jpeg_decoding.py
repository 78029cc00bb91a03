"""Ordinary JPEGs, decoded by libjpeg-turbo at the size that is needed."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from dermctl.datasets.packing import SMALL_STEP, packed_size
from dermctl.datasets.reasons import ImageFault

_EIGHTHS = (1, 2, 3, 4)
"""Eighths of the full size at which a JPEG is decoded faster, from fewer DCT coefficients.

Five would pack photographs of 600×450 in nine tenths of the time, but lose up to 4 dB of them."""
_CLEARLY = 1.25
"""Reduction from which the smoothing of subsampled chroma is lost in the shrinking that follows."""

Pixels = npt.NDArray[np.uint8]


def decode_jpeg(data: bytes, size: tuple[int, int], needed: int | None) -> Pixels | None:
    """Decode a one- or three-channel JPEG to RGB (uint8 [H, W, 3]); None if Pillow should try.

    libjpeg fills what is missing from a damaged file with grey and merely warns; here every such
    warning is an error.

    Args:
        data: the file.
        size: (width, height) that its header gives.
        needed: pixels that the short side must keep; None: full size.

    Raises:
        ImageFault: the file is truncated or damaged.
    """
    width, height = size
    needed = min(size) if needed is None else needed
    eighths = next((n for n in _EIGHTHS if min(size) * n >= 8 * needed), 8)
    try:
        pixels = simplejpeg.decode_jpeg(
            data,
            min_width=-(-width * eighths // 8),
            min_height=-(-height * eighths // 8),
            min_factor=8 / eighths,
            fastupsample=min(size) > _CLEARLY * needed,
        )
    except ValueError as error:
        message = str(error)
        if "remature end" in message:
            raise ImageFault("truncated", message) from error
        # Bytes between two segments do no harm; any other damage is damage to the pixels.
        if message.startswith("Corrupt JPEG data") and "extraneous bytes" not in message:
            raise ImageFault("unreadable", message) from error
        return None
    if width * eighths % 8 or height * eighths % 8:
        covered = (width * eighths / 8, height * eighths / 8)
        return _without_overhang(pixels, covered, _true_to_shape(size, covered, needed))
    return np.asarray(pixels, dtype=np.uint8)


def _true_to_shape(
    size: tuple[int, int], covered: tuple[float, float], needed: int
) -> tuple[int, int]:
    """A (width, height) near ``covered`` that packing shrinks to the same size as ``size``.

    It is that size itself where packing would resample once more in the same way.
    """
    target = packed_size(*size, needed)
    short = int(min(covered))
    if short <= SMALL_STEP * needed:
        return target
    return round(target[0] * short / needed), round(target[1] * short / needed)


def _without_overhang(
    pixels: Pixels, covered: tuple[float, float], size: tuple[int, int]
) -> Pixels:
    """Resample what the picture covers of ``pixels`` to ``size`` (both: width, height).

    At 1/8, a picture 2049 wide comes out 257 wide and stands for 2056: taking that for the picture
    would shift its right edge by seven pixels of the original.
    """
    columns, rows = size
    fx, fy = columns / covered[0], rows / covered[1]
    exact = cv2.resize(pixels, None, fx=fx, fy=fy, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(exact[:rows, :columns])
