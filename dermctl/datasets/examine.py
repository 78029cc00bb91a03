"""Everything that is to be known of one image file, from one reading of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dermctl.datasets.colour_checks import is_grey
from dermctl.datasets.decoding import Decoded, decode_rgb
from dermctl.datasets.hashing import perceptual_hash
from dermctl.datasets.near_duplicates.describe import Description, describe
from dermctl.datasets.packing import PACKED_SIDE, Pixels, encode, pack, shrink
from dermctl.datasets.reasons import Finding, ImageFault

MIN_SIDE = 32
"""Short side, in pixels, below which a picture is too small to be of use."""
MAX_ASPECT = 4.0
"""Long side over short side beyond which a picture is a strip or a banner."""


@dataclass(frozen=True)
class Examined:
    """What one file is.

    Args:
        faults: (reason code, detail) of everything that is wrong with it.
        notes: (reason code, detail) of everything that was put right.
        sha256: hex digest of the source bytes; "" if the file could not be read.
        md5: likewise, if it was asked for.
        phash: 64-bit perceptual hash, unsigned; None if there is no picture.
        width: in pixels, upright; 0 if there is no picture.
        height: likewise.
        packed: the encoded picture for the store; None if there is no picture.
        description: its keypoints, if they were asked for.
    """

    faults: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()
    sha256: str = ""
    md5: str = ""
    phash: int | None = None
    width: int = 0
    height: int = 0
    packed: bytes | None = None
    description: Description | None = None


def examine(
    path: Path,
    *,
    size: int = PACKED_SIDE,
    min_side: int = MIN_SIDE,
    max_aspect: float = MAX_ASPECT,
    lossless: bool = False,
    md5: bool = False,
    keypoints: bool = False,
) -> Examined:
    """Read, check, hash and pack one file. Never raises for a bad file: its faults are listed.

    A picture that has faults but can be seen is packed all the same, so that ``--keep`` can keep
    it.

    Args:
        path: the file.
        size: short side of the packed picture, in pixels.
        min_side: short side below which it is ``too_small``.
        max_aspect: long over short side above which it has an ``extreme_aspect``.
        lossless: pack as PNG instead of JPEG.
        md5: also compute the MD5, by which some publishers name or list their files.
        keypoints: also describe the picture by its keypoints, for the search for near-duplicates.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Examined(faults=(("missing_file", str(path)),))
    except OSError as error:
        return Examined(faults=(("unreadable", str(error)),))
    sha256 = hashlib.sha256(data).hexdigest()
    md5_hex = hashlib.md5(data, usedforsecurity=False).hexdigest() if md5 else ""
    try:
        decoded = decode_rgb(data, min_short_side_needed=size)
    except ImageFault as fault:
        return Examined(faults=((fault.code, fault.detail),), sha256=sha256, md5=md5_hex)
    pixels = shrink(decoded.pixels, size, overwrite=True)
    return Examined(
        faults=tuple(_faults(decoded, pixels, min_side=min_side, max_aspect=max_aspect)),
        notes=decoded.notes,
        sha256=sha256,
        md5=md5_hex,
        phash=perceptual_hash(pixels),
        width=decoded.width,
        height=decoded.height,
        packed=encode(pixels, lossless=lossless),
        description=describe(pixels) if keypoints else None,
    )


def pack_image(data: bytes, size: int = PACKED_SIDE, *, lossless: bool = False) -> bytes:
    """Pack the bytes of one picture file exactly as ``examine`` packs them, without the checks.

    Raises:
        ImageFault: ``data`` holds no whole picture.
    """
    pixels = decode_rgb(data, min_short_side_needed=size).pixels
    return pack(pixels, size, lossless=lossless)


def _faults(decoded: Decoded, pixels: Pixels, *, min_side: int, max_aspect: float) -> list[Finding]:
    faults = []
    short, long = sorted((decoded.width, decoded.height))
    size = f"{decoded.width} x {decoded.height} pixels"
    if is_grey(pixels):
        faults.append(("not_rgb", "no colour in any pixel"))
    if short < min_side:
        faults.append(("too_small", size))
    if long > max_aspect * short:
        faults.append(("extreme_aspect", size))
    return faults
