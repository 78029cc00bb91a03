"""Faults that real archives have, in small fixed numbers, so that checks have something to find."""

from __future__ import annotations

import io
import struct
import zlib
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
"""sRGB, (height, width, 3)."""

MADE_BY = "synthetic, drawn by dermctl"
"""Written into every image file that can hold text."""


class Defect(StrEnum):
    """What is wrong with a photograph or its row."""

    GREYSCALE = "greyscale"
    EQUAL_CHANNELS = "equal_channels"
    CMYK = "cmyk"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    MISSING_FILE = "missing_file"
    NEAR_DUPLICATE = "near_duplicate"
    MISSING_LABEL = "missing_label"


DEFECT_COUNTS = {
    Defect.GREYSCALE: 3,
    Defect.EQUAL_CHANNELS: 3,
    Defect.CMYK: 2,
    Defect.TRUNCATED: 3,
    Defect.EMPTY: 2,
    Defect.MISSING_FILE: 2,
    Defect.NEAR_DUPLICATE: 4,
    Defect.MISSING_LABEL: 2,
}
"""How many of each every sample has, whatever its size."""

DEFECT_MEANINGS = {
    Defect.GREYSCALE: "PNG with a single grey channel",
    Defect.EQUAL_CHANNELS: "RGB PNG whose three channels are equal: grey in disguise",
    Defect.CMYK: "CMYK JPEG under the name .png (PNG knows no CMYK)",
    Defect.TRUNCATED: "PNG that ends after 60 % of its bytes",
    Defect.EMPTY: "file of zero bytes",
    Defect.MISSING_FILE: "row of metadata.csv without a file",
    Defect.NEAR_DUPLICATE: "cropped or re-encoded copy of another patient's photograph",
    Defect.MISSING_LABEL: "row of metadata.csv with an empty diagnostic",
}


def encode(picture: Pixels, *, defect: Defect | None = None, alpha: bool = False) -> bytes:
    """The bytes of an image file.

    Args:
        picture: what to show.
        defect: what is to be wrong with the file; defects of the row leave the file whole.
        alpha: add an opaque alpha channel, as most of PAD-UFES-20's files have.
    """
    match defect:
        case Defect.EMPTY:
            return b""
        case Defect.GREYSCALE:
            return _png(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        case Defect.EQUAL_CHANNELS:
            return _png(cv2.merge([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)] * 3))
        case Defect.CMYK:
            return _cmyk_jpeg(picture)
        case Defect.TRUNCATED:
            whole = encode(picture)
            return whole[: round(0.6 * len(whole))]
        case _:
            order = cv2.COLOR_RGB2BGRA if alpha else cv2.COLOR_RGB2BGR
            return _png(cv2.cvtColor(picture, order))


def near_duplicate(picture: Pixels, *, crop: bool) -> Pixels:
    """The same photograph as it comes back from elsewhere.

    Args:
        picture: the original.
        crop: cut 2 % off each side and scale to 90 % as well; else only re-encode.
    """
    if crop:
        side = min(picture.shape[:2])
        cut = round(0.02 * side)
        size = round(0.9 * side)
        picture = picture[cut:-cut, cut:-cut]
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    # OpenCV takes RGB for BGR on both ways, which cancels out.
    _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _png(pixels: cv2.typing.MatLike) -> bytes:
    """A PNG of grey, BGR or BGRA pixels that says it is synthetic."""
    # One filter for all rows at the lowest level: half the time of trying each, and no larger.
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG]
    _, packed = cv2.imencode(".png", pixels, options)
    return _with_text(packed.tobytes(), "Description", MADE_BY)


def _with_text(png: bytes, keyword: str, text: str) -> bytes:
    """Insert a tEXt chunk (PNG specification, 11.3.3.2) after the header chunk."""
    header_end = 8 + 12 + 13  # Signature; length, type and checksum of IHDR; its 13 bytes.
    body = b"tEXt" + keyword.encode("latin-1") + b"\0" + text.encode("latin-1")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:header_end] + chunk + png[header_end:]


def _cmyk_jpeg(picture: Pixels) -> bytes:
    """A JPEG with four inks, as a print shop returns it."""
    packed = io.BytesIO()
    Image.fromarray(picture).convert("CMYK").save(packed, "JPEG", quality=90, comment=MADE_BY)
    return packed.getvalue()
