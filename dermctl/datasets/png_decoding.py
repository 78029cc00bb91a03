"""PNGs: a check of every byte, and a faster reader for the ordinary kinds."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from dermctl.datasets.reasons import ImageFault

_SIGNATURE_LENGTH = 8
_COLOUR_TYPE_AT = 25
_RGB, _RGBA = 2, 6
"""Colour types in the header chunk (PNG specification, 11.2.1)."""

Raster = npt.NDArray[np.unsignedinteger[Any]]


def check_png(data: bytes) -> frozenset[bytes]:
    """Check that no byte of a PNG is missing or altered: every chunk carries a checksum.

    Returns:
        The kinds of chunk in it.

    Raises:
        ImageFault: the file is truncated or damaged.
    """
    view = memoryview(data)
    kinds = set()
    position = _SIGNATURE_LENGTH
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            break
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if zlib.crc32(view[position + 4 : end - 4]) != checksum:
            raise ImageFault("unreadable", f"wrong checksum in chunk {kind!r} at byte {position}")
        kinds.add(kind)
        if kind == b"IEND":
            return frozenset(kinds)
        position = end
    raise ImageFault("truncated", f"the PNG ends at byte {len(data)} without its end chunk")


def decode_png(data: bytes, kinds: frozenset[bytes]) -> Raster | None:
    """Decode an RGB or RGBA PNG of 8 or 16 bits ([H, W, 3 or 4]); None if Pillow should.

    Args:
        data: the file, already checked.
        kinds: of chunk in it (``check_png``).
    """
    if data[_COLOUR_TYPE_AT] not in (_RGB, _RGBA) or b"tRNS" in kinds:
        return None
    raster = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raster is None or raster.ndim != 3:
        return None
    to_rgb = cv2.COLOR_BGRA2RGBA if raster.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(raster, to_rgb, dst=raster), dtype=raster.dtype)
