"""Whether a JPEG's EXIF data turn it, read off the first bytes of the file."""

from __future__ import annotations

import struct

_MARK = b"Exif\0\0"
_ORIENTATION = 0x0112
_UPRIGHT = 1
_ENTRY = 12  # bytes of one entry of an image file directory


def exif_orientation(head: bytes) -> int:
    """The orientation 1..8 (TIFF 6.0, tag 274; 1: upright) that a file beginning so asks for.

    Args:
        head: the file's first bytes, as many as its EXIF block may need. What lies beyond them, or
            is malformed, counts as upright, as it does for most viewers.
    """
    start = head.find(_MARK)
    if start < 0:
        return _UPRIGHT
    tiff = head[start + len(_MARK) :]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return _UPRIGHT
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(entries):
            at = directory + 2 + entry * _ENTRY
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, at)
            if tag == _ORIENTATION:
                return int(value) if 1 <= value <= 8 else _UPRIGHT
    except struct.error:
        pass
    return _UPRIGHT
