"""Ordinary JPEGs, decoded by libjpeg-turbo at the size that is needed."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from dermctl.datasets.reasons import ImageFault

_EIGHTHS = (1, 2, 3, 4)
"""Eighths of the full size at which a JPEG is decoded from fewer DCT coefficients at less cost."""
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
    eighths = _eighths(min(size), needed)
    try:
        pixels = simplejpeg.decode_jpeg(
            data,
            min_width=-(-width * eighths // 8),
            min_height=-(-height * eighths // 8),
            min_factor=8 / eighths,
            fastupsample=needed is not None and min(size) > _CLEARLY * needed,
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
        return _without_overhang(pixels, width * eighths / 8, height * eighths / 8)
    return np.asarray(pixels, dtype=np.uint8)


def _eighths(short_side: int, needed: int | None) -> int:
    if needed is None:
        return 8
    return next((n for n in _EIGHTHS if short_side * n >= 8 * needed), 8)


def _without_overhang(pixels: Pixels, width: float, height: float) -> Pixels:
    """Resample ``pixels`` so that they cover exactly ``width`` x ``height`` of their own pixels.

    At 1/8, a picture 2049 wide comes out 257 wide and stands for 2056: resizing that as if it were
    the picture would shift the right edge by seven pixels of the original.
    """
    columns, rows = int(width), int(height)
    exact = cv2.resize(
        pixels, None, fx=columns / width, fy=rows / height, interpolation=cv2.INTER_CUBIC
    )
    return np.ascontiguousarray(exact[:rows, :columns])
