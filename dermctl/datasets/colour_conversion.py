"""Whatever colours a file holds, as opaque 8-bit sRGB.

The functions work through a picture in bands, and in place where that can be: a large one would
otherwise take several times its own size of memory.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from dermctl.datasets.reasons import Finding

Pixels = npt.NDArray[np.uint8]
Raster = npt.NDArray[np.unsignedinteger[Any]]
"""Channels of 8 or 16 bits: uint8 or uint16."""

_SAME_COLOUR = 3
"""Levels of 255 by which two renderings of sRGB may differ by rounding."""

_BAND_PIXELS = 1 << 18

_UNUSABLE = (OSError, ImageCms.PyCMSError)


def bands(height: int, width: int) -> Iterator[slice]:
    """The rows of a picture, some at a time."""
    step = max(1, _BAND_PIXELS // width)
    return (slice(top, min(top + step, height)) for top in range(0, height, step))


def to_8_bits(raster: Raster) -> Pixels:
    """Scale 16-bit channels to 8 bits: 65535 becomes 255, and nothing is clipped.

    The result takes the memory of ``raster``, which is lost.
    """
    if raster.dtype == np.uint8:
        return raster.view(np.uint8)
    scaled = _front_of(raster, raster.shape)
    for rows in bands(*raster.shape[:2]):
        # Behind it the rows have been read: those of half the size never overtake them.
        scaled[rows] = (raster[rows].astype(np.uint32) * 255 + 32_895) >> 16  # round(x / 257)
    return scaled


def flatten(raster: Pixels) -> tuple[Pixels, float]:
    """Lay see-through pixels on white.

    White is what a viewer shows, and what publishers cut lesions out onto. An alpha channel that
    is opaque throughout, as in all of PAD-UFES-20, is merely dropped.

    Args:
        raster: uint8 [H, W, 3] (RGB) or [H, W, 4] (RGBA); its memory is that of the result.

    Returns:
        The opaque pixels (uint8 [H, W, 3]), and the share of pixels that were not opaque.
    """
    height, width, channels = raster.shape
    if channels == 3:
        return raster, 0.0
    see_through = 0
    flat = _front_of(raster, (height, width, 3))
    for rows in bands(height, width):
        alpha = raster[rows, :, 3]
        clear = alpha.size - int(np.count_nonzero(alpha == 255))
        flat[rows] = _on_white(raster[rows]) if clear else raster[rows, :, :3].copy()
        see_through += clear
    return flat, see_through / (height * width)


def _on_white(raster: Pixels) -> Pixels:
    weight = raster[:, :, 3:].astype(np.uint32)
    mixed = (raster[:, :, :3] * weight + 255 * (255 - weight) + 127) // 255
    return np.asarray(mixed, dtype=np.uint8)


def _front_of(raster: Raster, shape: tuple[int, ...]) -> Pixels:
    """The first bytes of the memory of ``raster``, as pixels of that shape."""
    octets = np.ascontiguousarray(raster).reshape(-1).view(np.uint8)
    return octets[: int(np.prod(shape))].reshape(shape)


def to_srgb(pixels: Pixels, profile: bytes) -> tuple[Pixels, Finding | None]:
    """Convert ``pixels`` (uint8 [H, W, 3]), in place, from the colours of a ``profile`` to sRGB.

    Returns:
        The converted pixels, and what there is to say about it (None: the profile is sRGB).
    """
    try:
        transform = _transform(profile, "RGB")
    except _UNUSABLE as error:
        return pixels, ("icc_unusable", str(error))
    if transform is None:
        return pixels, None
    for rows in bands(*pixels.shape[:2]):
        pixels[rows] = np.asarray(transform.apply(Image.fromarray(pixels[rows])))
    return pixels, ("icc_converted", _name(profile))


def cmyk_to_rgb(image: Image.Image, profile: bytes | None) -> Pixels:
    """Convert a CMYK ``image`` by its ICC ``profile``, or without one by the plain formula."""
    transform = None
    if profile:
        with suppress(*_UNUSABLE):
            transform = _transform(profile, "CMYK")
    if transform is None:
        return pixels_of(image, "RGB")
    return _by_bands(image, 3, transform.apply)


def pixels_of(image: Image.Image, mode: str) -> Pixels:
    """The pixels of a loaded ``image``, converted to RGB or RGBA."""
    if image.mode == mode:
        return _by_bands(image, len(mode), lambda band: band)
    return _by_bands(image, len(mode), lambda band: band.convert(mode))


def _by_bands(
    image: Image.Image, channels: int, convert: Callable[[Image.Image], Image.Image | None]
) -> Pixels:
    pixels = np.empty((image.height, image.width, channels), np.uint8)
    for rows in bands(image.height, image.width):
        band = image.crop((0, rows.start, image.width, rows.stop))
        pixels[rows] = np.asarray(convert(band))
    return pixels


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from ``profile`` to sRGB; None if it changes no colour.

    Raises:
        OSError, ImageCms.PyCMSError: the profile is damaged, or is not one for ``mode``.
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode == "RGB" and _changes_nothing(transform):
        return None
    return transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(9, 81, 3)
    converted = np.asarray(transform.apply(Image.fromarray(cube)))
    return bool(np.abs(converted.astype(int) - cube).max() <= _SAME_COLOUR)


def _name(profile: bytes) -> str:
    return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
