"""From the bytes of one file to upright, opaque sRGB pixels, or to the reason why not."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from dermctl.datasets.reasons import REASONS
from dermctl.errors import DataError

MAX_PIXELS = 178_956_970
"""More pixels than this are not decoded (Pillow's own limit: 0.5 GiB of RGB)."""

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM", "AVIF")
"""The kinds of file that are read; Pillow knows more, and some of those run other programs."""

Pixels = npt.NDArray[np.uint8]
Finding = tuple[str, str]
"""A reason code (``dermctl.datasets.reasons``) and its detail."""


class ImageFault(DataError):  # noqa: N818 - its siblings are faults too
    """A file that yields no picture: a reason code and a detail for people."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{REASONS[code].explanation} ({detail})")

    def __reduce__(self) -> tuple[type[ImageFault], tuple[str, str]]:
        return type(self), (self.code, self.detail)


@dataclass(frozen=True)
class Decoded:
    """One picture, upright, opaque, sRGB.

    Args:
        pixels: uint8 [H, W, 3]; may be smaller than the picture, see ``decode_rgb``.
        width: of the whole picture in pixels, after turning it upright.
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
        min_short_side_needed: a large JPEG may be decoded at a fraction of its size, as long as its
            short side keeps at least this many pixels; None: always at full size.

    Raises:
        ImageFault: no whole picture can be had from ``data``.
    """
    if not data:
        raise ImageFault("zero_bytes", "the file is empty")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = _open(data)
        _check_size(image)
        notes = _note_pictures(image)
        try:
            upright = ImageOps.exif_transpose(image)
            rgb = upright.convert("RGB")
        except OSError as error:
            raise ImageFault(
                "truncated" if "trunc" in str(error).lower() else "unreadable", str(error)
            ) from error
        except Exception as error:
            raise ImageFault("unreadable", str(error)) from error
    pixels = np.asarray(rgb)
    return Decoded(pixels, rgb.width, rgb.height, tuple(notes))


def _open(data: bytes) -> ImageFile.ImageFile:
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageFault("not_an_image", "no reader knows it") from error
    except Image.DecompressionBombError as error:
        raise ImageFault("decompression_bomb", str(error)) from error
    except Exception as error:
        raise ImageFault("unreadable", str(error)) from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ImageFault("decompression_bomb", f"{image.width} x {image.height} pixels")


def _note_pictures(image: ImageFile.ImageFile) -> list[Finding]:
    frames = getattr(image, "n_frames", 1)
    if frames == 1:
        return []
    if image.format in ("GIF", "PNG", "WEBP", "AVIF"):
        raise ImageFault("animated", f"{frames} frames")
    return [("multi_picture", f"the first of {frames}")]
