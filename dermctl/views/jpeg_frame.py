"""The frame of a JPEG: where its height stands, so that a decoder can be told of less.

A decoder goes through a JPEG from its first row on, and no row can be found without those above
it; rows below what is needed can be spared. Of a file whose header gives a smaller height (ITU
T.81, B.2.2) libjpeg decodes so many rows, and then looks for the end of the file.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_SEQUENTIAL = (0xC0, 0xC1)  # frames that are decoded row by row, Huffman coded
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # those are tables, or reserved
_SCAN = 0xDA
_BLOCK = 8  # side in pixels


class Frame(NamedTuple):
    """What a file says of its rows.

    Args:
        height_at: where in the file the height stands: two bytes, the higher one first.
        unit: rows that are decoded together, 8 or, with subsampled chroma, 16.
    """

    height_at: int
    unit: int

    def rows_to_decode(self, rows: int, height: int) -> int:
        """Rows of a picture of ``height`` to be decoded where its first ``rows`` are needed.

        Whole units, and one more: chroma is interpolated from the rows beside.
        """
        return min(height, (-(-rows // self.unit) + 1) * self.unit)


def read_frame(data: memoryview) -> Frame | None:
    """The frame of the JPEG ``data``; None where it cannot be cut short.

    That is a progressive file, one with its colours one after another, or a malformed one.
    """
    at, frame, components = 2, None, 0
    try:
        while data[at] == 0xFF:
            marker = data[at + 1]
            if marker == _SCAN:
                return frame if data[at + 4] == components else None
            if marker in _FRAMES:
                if marker not in _SEQUENTIAL:
                    return None
                components = data[at + 9]
                sampling = [data[at + 11 + 3 * number] & 15 for number in range(components)]
                frame = Frame(at + 5, _BLOCK * max(sampling))
            (length,) = struct.unpack_from(">H", data, at + 2)
            at += 2 + length
    except (IndexError, struct.error, ValueError):
        pass
    return None


def with_height(data: memoryview, frame: Frame, height: int) -> None:
    """Make the header of ``data``, in place, tell of that many rows."""
    struct.pack_into(">H", data, frame.height_at, height)
