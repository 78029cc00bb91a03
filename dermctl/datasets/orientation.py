"""The eight ways in which a camera may have been held, as EXIF writes them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from dermctl.datasets.png_decoding import chunks

_EXIF_ORIENTATION = 0x0112
_HOLDERS = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
"""Where Pillow keeps what a PNG says of its orientation."""


def exif_orientation(image: Image.Image, data: bytes) -> int:
    """The orientation that the EXIF or XMP block of ``image`` gives, 1 (upright) to 8.

    Args:
        image: as Pillow opened it; its pixels need not be loaded.
        data: the whole file.
    """
    # Asked for the EXIF of a PNG that has none before its pixels, Pillow decodes the pixels too.
    if image.format == "PNG" and not (_HOLDERS & image.info.keys() or _has_exif_chunk(data)):
        return 1
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # damaged EXIF, of which Pillow's parser has many ways to complain
        return 1
    return value if value in range(1, 9) else 1


def _has_exif_chunk(png: bytes) -> bool:
    # To look for the four letters first costs nothing; in a large file they occur by chance.
    return b"eXIf" in png and any(kind == b"eXIf" for kind, *_ in chunks(png))


def turn_upright(pixels: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Turn and mirror ``pixels`` ([H, W, C]) as an EXIF ``orientation`` of 2 to 8 asks."""
    if orientation >= 5:  # stored on its side: rows are columns
        pixels = np.asarray(cv2.transpose(pixels), dtype=np.uint8)
    # What is left to do, after that transpose, is one of cv2's flips.
    flip = {1: None, 2: 1, 3: -1, 4: 0, 5: None, 6: 1, 7: -1, 8: 0}[orientation]
    return pixels if flip is None else np.asarray(cv2.flip(pixels, flip), dtype=np.uint8)
