"""From the bytes of one file to upright, opaque sRGB pixels, or to the reason why not.

Pillow reads the header of every file. The pixels of ordinary JPEGs and PNGs then come from faster
readers (``jpeg_decoding``, ``png_decoding``); those of all other files from Pillow.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from dermctl.datasets.colour_conversion import (
    Pixels,
    Raster,
    bands,
    cmyk_to_rgb,
    flatten,
    pixels_of,
    to_8_bits,
    to_srgb,
)
from dermctl.datasets.jpeg_decoding import decode_jpeg
from dermctl.datasets.orientation import exif_orientation, turn_upright
from dermctl.datasets.png_decoding import check_png, decode_png
from dermctl.datasets.reasons import Finding, ImageFault

MAX_PIXELS = 178_956_970
"""Pictures of more pixels are not decoded (Pillow's own limit)."""

MAX_PIXELS_IN_ONE_PIECE = 50_000_000
"""Likewise of those that cannot be decoded at a fraction of their size, as sequential JPEGs can. A
worker then takes less than 1 GB, whatever the kind (tests/benchmarks/prepare_memory.py)."""

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM", "AVIF")
"""What is read. Pillow knows more; some of those run other programs, none holds photographs."""

_ANIMATED_FORMATS = ("GIF", "PNG", "WEBP", "AVIF")
"""Where several pictures are the frames of a film; elsewhere they are pages or previews."""

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"BM", b"GIF8", b"RIFF")


@dataclass(frozen=True)
class Decoded:
    """One picture: upright, opaque, sRGB.

    Args:
        pixels: uint8 [H, W, 3]. They cover the whole picture, if at a lower resolution where
            ``decode_rgb`` was told that less is needed.
        width: of the original in pixels, upright.
        height: likewise.
        notes: what was put right: (reason code, detail).
    """

    pixels: Pixels
    width: int
    height: int
    notes: tuple[Finding, ...] = ()


def decode_rgb(data: bytes, *, min_short_side_needed: int | None = None) -> Decoded:
    """Decode the bytes of one picture file.

    Args:
        data: the whole file.
        min_short_side_needed: a large JPEG may be decoded at a fraction of its size, so long as its
            short side keeps this many pixels; None: always at full size.

    Raises:
        ImageFault: ``data`` holds no whole picture.
    """
    image = _open(data)
    _refuse_many_pixels(image, in_one_piece=not _is_scaled(image, min_short_side_needed))
    notes = _count_pictures(image)
    if image.mode == "CMYK":
        notes.append(("cmyk", "converted to RGB"))
    if _has_16_bits(image):
        notes.append(("depth_16bit", "scaled to 8 bits"))
    orientation = exif_orientation(image, data)
    raster = _read_pixels(image, data, min_short_side_needed)
    pixels, see_through = flatten(to_8_bits(raster))
    if see_through:
        notes.append(("alpha_composited", f"{see_through:.1%} of the pixels, on white"))
    if image.mode != "CMYK" and (profile := image.info.get("icc_profile")):
        pixels, finding = to_srgb(pixels, profile)
        notes += [finding] if finding else []
    width, height = image.size
    if orientation != 1:
        notes.append(("exif_rotated", f"orientation {orientation}"))
        if image.format != "TIFF":  # those Pillow turns upright as it loads them
            pixels = turn_upright(pixels, orientation)
            width, height = (height, width) if orientation >= 5 else (width, height)
    return Decoded(pixels, width, height, tuple(notes))


def _open(data: bytes) -> ImageFile.ImageFile:
    """Read the header, and refuse what cannot or should not be decoded."""
    if not data:
        raise ImageFault("zero_bytes", "0 bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except Image.DecompressionBombError as error:
        raise ImageFault("decompression_bomb", str(error)) from error
    except Exception as error:  # Pillow's readers raise many kinds for a damaged header
        raise _damaged(data, error) from error
    return image


def _is_scaled(image: ImageFile.ImageFile, needed: int | None) -> bool:
    """Whether it is read line by line at a fraction of its size, as sequential JPEGs can be."""
    fast = image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L")
    return fast and needed is not None and not image.info.get("progressive")


def _refuse_many_pixels(image: ImageFile.ImageFile, *, in_one_piece: bool) -> None:
    most = MAX_PIXELS_IN_ONE_PIECE if in_one_piece else MAX_PIXELS
    if image.width * image.height > most:
        size = f"{image.width} x {image.height} pixels, more than {most / 1e6:.0f} million"
        raise ImageFault("decompression_bomb", size + " in one piece" * in_one_piece)


def _unidentified(data: bytes) -> ImageFault:
    if data.startswith(_SIGNATURES):
        return _damaged(data, "its header cannot be read")
    if data[4:8] == b"ftyp":
        return ImageFault("unreadable", "HEIF, or a film; convert it to JPEG")
    return ImageFault("not_an_image", f"it begins with {data[:16]!r}")


def _damaged(data: bytes, error: Exception | str) -> ImageFault:
    return ImageFault("truncated" if _ends_early(data) else "unreadable", str(error))


def _ends_early(data: bytes) -> bool:
    """Whether a damaged file lacks the end that files of its kind have."""
    if data.startswith(b"\xff\xd8"):
        return not data.rstrip(b"\0").endswith(b"\xff\xd9")
    if data.startswith(b"\x89PNG"):
        return b"IHDR".startswith(data[12:16]) and b"IEND" not in data[-16:]
    if data.startswith(b"GIF8"):
        return not data.rstrip(b"\0").endswith(b";")
    if data.startswith(b"RIFF"):
        return len(data) < int.from_bytes(data[4:8], "little") + 8
    if data.startswith(b"BM"):
        return len(data) < int.from_bytes(data[2:6], "little")
    return False


def _count_pictures(image: ImageFile.ImageFile) -> list[Finding]:
    try:
        several = getattr(image, "is_animated", False)
    except Exception as error:
        raise ImageFault("unreadable", str(error)) from error
    if not several:
        return []
    frames = f"{getattr(image, 'n_frames', 'several')} pictures"
    if image.format in _ANIMATED_FORMATS:
        raise ImageFault("animated", frames)
    return [("multi_picture", frames)]


def _has_16_bits(image: ImageFile.ImageFile) -> bool:
    """Whether the pixels are stored in 16 bits a channel, by Pillow's names of raw modes."""
    return any(";16" in str(tile.args) for tile in image.tile)


def _read_pixels(image: ImageFile.ImageFile, data: bytes, needed: int | None) -> Raster:
    """The pixels as [H, W, 3] or [H, W, 4] (RGB or RGBA), uint8 or uint16."""
    raster: Raster | None = None
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        raster = decode_jpeg(data, image.size, needed)
    elif image.format == "PNG":
        raster = decode_png(data, check_png(data))
    if raster is not None:
        return raster
    _refuse_many_pixels(image, in_one_piece=True)
    return _read_with_pillow(image, data)


def _grey_16_bits(image: Image.Image) -> Raster:
    """One channel of up to 32 bits, of which the file uses 16, as three."""
    deep = np.empty((image.height, image.width, 3), np.uint16)
    for rows in bands(image.height, image.width):
        band = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
        deep[rows] = np.clip(band, 0, 65535)[:, :, None]
    return deep


def _read_with_pillow(image: ImageFile.ImageFile, data: bytes) -> Raster:
    try:
        image.load()
        if image.mode == "CMYK":
            return cmyk_to_rgb(image, image.info.get("icc_profile"))
        if image.mode == "F":
            raise ImageFault("unreadable", "pixels are floating-point numbers without a range")
        if image.mode.startswith("I"):
            return _grey_16_bits(image)
        return pixels_of(image, "RGBA" if image.has_transparency_data else "RGB")
    except ImageFault:
        raise
    except Exception as error:
        code = "truncated" if "truncated" in str(error).lower() else None
        raise ImageFault(code, str(error)) if code else _damaged(data, error) from error
