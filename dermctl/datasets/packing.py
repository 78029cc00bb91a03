"""The packed form of a picture: what the store holds, and what evaluation and prediction see.

One function for all three, so that a model is never shown pixels prepared in another way than
those it learned from.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

PACKED_SIDE = 256
"""Short side of packed pictures, in pixels, unless the user asks for another."""
JPEG_QUALITY = 90
JPEG_SUBSAMPLING = "420"
"""Chroma at half resolution. On PAD-UFES-20 at 256 pixels, against full chroma: 15 % smaller (15.0
and 17.7 kB), decoded in 3/4 and encoded in 2/3 of the time, mean colour error 1.3 instead of 1.1
(CIE ΔE, of which 2.3 can just be seen)."""
PNG_COMPRESSION = 3

SMALL_STEP = 1.25
"""Reduction up to which one cubic resampling straight to the target does not alias visibly."""
_MIDDLE_STEP = 1.6
"""Reduction up to which one to twice the target, halved by averages, is nearest to Lanczos."""
_LAST_STEP = 2 * 2**0.5
"""Reduction up to which smoothing by [1, 2, 1] / 4 takes out what the result cannot show."""

Pixels = npt.NDArray[np.uint8]


def pack(pixels: Pixels, size: int = PACKED_SIDE, *, lossless: bool = False) -> bytes:
    """Shrink ``pixels`` (uint8 [H, W, 3], sRGB) to a short side of ``size`` and encode them.

    A smaller picture is never enlarged. The result is a JPEG without any metadata, or a PNG with
    ``lossless``.
    """
    return encode(shrink(pixels, size), lossless=lossless)


def shrink(pixels: Pixels, size: int, *, overwrite: bool = False) -> Pixels:
    """Shrink ``pixels`` (uint8 [H, W, 3]) to a short side of at most ``size``, without aliasing.

    Halved by averages of 2 x 2 as long as much is left to do; the rest in one of three ways, by how
    much that is. At least 41 dB from Pillow's Lanczos filter on photographs with a sensor's noise,
    in a sixth to a twelfth of its time.

    Args:
        overwrite: ``pixels`` are not needed any more, and may lose what they hold.
    """
    height, width = pixels.shape[:2]
    target = packed_size(width, height, size)
    while min(pixels.shape[:2]) > _LAST_STEP * size:
        pixels = _resize(pixels, (round(pixels.shape[1] / 2), round(pixels.shape[0] / 2)))
        overwrite = True
    reduction = min(pixels.shape[:2]) / size
    if reduction <= SMALL_STEP:
        return _resize(pixels, target, cv2.INTER_CUBIC)
    if reduction <= _MIDDLE_STEP:
        return _resize(_resize(pixels, (2 * target[0], 2 * target[1]), cv2.INTER_CUBIC), target)
    small = _resize(_smooth(pixels, overwrite=overwrite), target, cv2.INTER_LINEAR)
    return _sharpen(small, _sharpening(reduction))


def _smooth(pixels: Pixels, *, overwrite: bool) -> Pixels:
    """By [1, 2, 1] / 4; in place where that is allowed, since fresh memory costs half as much."""
    place = pixels if overwrite and pixels.flags.carray else None
    smooth = cv2.GaussianBlur(pixels, (3, 3), 0, dst=place, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth, dtype=np.uint8)


def _sharpening(reduction: float) -> float:
    """The weight that gives back the detail which smoothing and linear resampling take.

    Of a frequency of f cycles a pixel, smoothing lets cos(pi f)^2 pass, linear resampling on
    average sinc(f)^2. Half the highest frequency of the result, f = 1 / (4 reduction), gets back
    what it was: sharpening by [-a, 1 + 2a, -a] multiplies it by 1 + 2a.
    """
    angle = math.pi / (4 * reduction)
    passed = (math.cos(angle) * math.sin(angle) / angle) ** 2
    return (1 / passed - 1) / 2


def _sharpen(pixels: Pixels, a: float) -> Pixels:
    kernel = np.array([-a, 1 + 2 * a, -a], np.float32)
    sharp = cv2.sepFilter2D(pixels, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(sharp, dtype=np.uint8)


def packed_size(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) of a packed picture whose original has ``width`` and ``height``."""
    short = min(width, height)
    if short <= size:
        return width, height
    return round(width * size / short), round(height * size / short)


def packed_sizes(originals: npt.NDArray[np.integer], size: int) -> npt.NDArray[np.int64]:
    """``packed_size`` of many: [N, 2] -> int64 [N, 2]."""
    short = originals.min(axis=1, keepdims=True)
    shrunk = np.rint(originals * size / np.maximum(short, 1))
    return np.where(short <= size, originals, shrunk).astype(np.int64)


def _resize(pixels: Pixels, size: tuple[int, int], interpolation: int = cv2.INTER_AREA) -> Pixels:
    if size == (pixels.shape[1], pixels.shape[0]):
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.uint8)


def encode(pixels: Pixels, *, lossless: bool = False) -> bytes:
    """Encode ``pixels`` (uint8 [H, W, 3], sRGB) as JPEG, or as PNG with ``lossless``."""
    if lossless:
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        _, png = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION])
        return png.tobytes()
    packed: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=JPEG_QUALITY, colorsubsampling=JPEG_SUBSAMPLING
    )
    return packed
