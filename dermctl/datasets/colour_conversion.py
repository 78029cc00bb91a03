"""Whatever colours a file holds, as opaque 8-bit sRGB."""

from __future__ import annotations

import io
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

_UNUSABLE = (OSError, ImageCms.PyCMSError)


def to_8_bits(raster: Raster) -> Pixels:
    """Scale 16-bit channels to 8 bits: 65535 becomes 255, and nothing is clipped."""
    if raster.dtype == np.uint8:
        return raster.view(np.uint8)
    return ((raster.astype(np.uint32) + 128) // 257).astype(np.uint8)


def flatten(raster: Pixels) -> tuple[Pixels, float]:
    """Lay see-through pixels on white.

    White is what a viewer shows, and what publishers cut lesions out onto. An alpha channel that
    is opaque throughout, as in all of PAD-UFES-20, is merely dropped.

    Args:
        raster: uint8 [H, W, 3] (RGB) or [H, W, 4] (RGBA).

    Returns:
        The opaque pixels (uint8 [H, W, 3]), and the share of pixels that were not opaque.
    """
    if raster.shape[2] == 3:
        return raster, 0.0
    colour, alpha = raster[:, :, :3], raster[:, :, 3]
    if alpha.min() == 255:
        return np.ascontiguousarray(colour), 0.0
    weight = alpha[:, :, None].astype(np.uint32)
    on_white = (colour * weight + 255 * (255 - weight) + 127) // 255
    return on_white.astype(np.uint8), float((alpha < 255).mean())


def to_srgb(pixels: Pixels, profile: bytes) -> tuple[Pixels, Finding | None]:
    """Convert ``pixels`` (uint8 [H, W, 3]) from the colours of an ICC ``profile`` to sRGB.

    Returns:
        The converted pixels, and what there is to say about it (None: the profile is sRGB).
    """
    try:
        transform = _transform(profile, "RGB")
    except _UNUSABLE as error:
        return pixels, ("icc_unusable", str(error))
    if transform is None:
        return pixels, None
    converted = transform.apply(Image.fromarray(pixels))
    return np.asarray(converted), ("icc_converted", _name(profile))


def cmyk_to_rgb(image: Image.Image, profile: bytes | None) -> Pixels:
    """Convert a CMYK ``image`` by its ICC ``profile``, or without one by the plain formula."""
    if profile:
        try:
            transform = _transform(profile, "CMYK")
        except _UNUSABLE:
            transform = None
        if transform is not None:
            return np.asarray(transform.apply(image))
    return np.asarray(image.convert("RGB"))


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
