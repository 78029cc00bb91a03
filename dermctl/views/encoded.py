"""Encoded images: their size before they are decoded, and pixels no larger than needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from dermctl.datasets.decoding import decode_rgb
from dermctl.views.exif import exif_orientation
from dermctl.views.jpeg_frame import read_frame, with_height

Encoded = bytes | memoryview
Pixels = npt.NDArray[np.uint8]

_JPEG = b"\xff\xd8"
_HEAD = 8192  # the orientation stands in the first bytes of the file
_FILE_HEAD = 1 << 16  # what is read of a file before it is decoded; its size stands there, mostly
_UPRIGHT = 1
_LEAST_REDUCTION = {8: 6.4, 4: 3.2, 2: 2.0}
"""Each reduction that libjpeg-turbo has fast transforms for, and that from which it is taken.

Decoded at 1/8, a crop that is to be reduced by 6.7 is as near to Pillow's antialiased one (1.0 grey
levels on average, 99 % within 4.2) as one that is to be reduced by 8.2 (1.0 and 4.5); likewise at
1/4. The small images that are decoded at 1/2 are nearer where they are decoded whole."""


class EncodedImage:
    """One image: ``width`` and ``height`` in pixels, known before it is decoded.

    A plain JPEG (RGB or grey, upright) takes the fast way; all else is decoded at once by
    ``dermctl.datasets.decoding``.

    Args:
        data: the whole file or, where ``file`` is given, its beginning.
        file: where the rest is read from when it is needed.
        whole: decode it at its own size whatever it is to be reduced by, as a cache has it.

    Raises:
        ImageFault: the file is no image, or damaged.
    """

    width: int
    height: int

    def __init__(self, data: Encoded, file: Path | None = None, *, whole: bool = False) -> None:
        self._data, self._file, self._reducible = data, file, not whole
        self._pixels: Pixels | None = None
        if self._read_header():
            return
        if file is not None:  # its header may go beyond what has been read
            self._data, self._file = bytes(self._whole()), None
            if self._read_header():
                return
        self._decode_by_any_means()

    @classmethod
    def of_file(cls, path: Path) -> EncodedImage:
        """An image of which no more than the header is read until it is decoded."""
        with path.open("rb", buffering=0) as file:
            head = file.read(_FILE_HEAD)
        return cls(head, path if len(head) == _FILE_HEAD else None)

    def _read_header(self) -> bool:
        """Whether it is a JPEG for the fast way; sets the size of one."""
        if self._data[:2] != _JPEG or exif_orientation(bytes(self._data[:_HEAD])) != _UPRIGHT:
            return False
        try:
            self.height, self.width, colours, _ = simplejpeg.decode_jpeg_header(self._data)
        except ValueError:
            return False
        return colours in ("YCbCr", "Gray", "RGB")

    def _whole(self) -> Encoded:
        """The whole file; in memory of its own, which may be written to, where it is read now."""
        if self._file is None:
            return self._data
        with self._file.open("rb", buffering=0) as file:
            whole = np.empty(self._file.stat().st_size, np.uint8).data
            return whole[: file.readinto(whole)]

    def _decode_by_any_means(self) -> Pixels:
        self._pixels = decode_rgb(bytes(self._whole())).pixels
        self.height, self.width = self._pixels.shape[:2]
        return self._pixels

    def pixels(
        self, reduction: float = 1.0, *, exact: bool = False, rows: int | None = None
    ) -> Pixels:
        """Decode: uint8 [H', W', 3].

        Args:
            reduction: that the image is to be brought to; the result may be smaller by
                ``decoding_scale`` of it, since a JPEG can be decoded at a fraction of its size.
            exact: with libjpeg's exact inverse transform and smooth chroma; otherwise with the
                faster ones, on photographs one grey level off on average and rarely over three.
            rows: how many of the image's rows are needed, from the first on; rows below them may
                be missing from the result. None: all.
        """
        if self._pixels is not None:
            return self._pixels
        scale = decoding_scale(reduction) if self._reducible else 1
        data = self._whole()
        height = self.height if exact or rows is None else self._cut(data, rows)
        decoded: Pixels = np.empty((-(-height // scale), -(-self.width // scale), 3), np.uint8)
        smaller: dict[str, Any] = (
            {"min_height": decoded.shape[0], "min_width": decoded.shape[1]} if scale > 1 else {}
        )
        try:
            simplejpeg.decode_jpeg(
                data, "RGB", fastdct=not exact, fastupsample=not exact, buffer=decoded, **smaller
            )
        except ValueError as error:
            # Told of fewer rows, libjpeg finds bytes after them that it cannot place. Any other
            # warning is of damage: this names it, or reads what simplejpeg does not.
            if height == self.height or "extraneous bytes before marker" not in str(error):
                return self._decode_by_any_means()
        return decoded

    def _cut(self, data: Encoded, rows: int) -> int:
        """Make ``data`` tell of no more rows than are needed; returns how many those are."""
        if isinstance(data, bytes) or data.readonly or not (frame := read_frame(data)):
            return self.height
        height = frame.rows_to_decode(rows, self.height)
        with_height(data, frame, height)
        return height


def decoding_scale(reduction: float) -> int:
    """The reduction, of 1, 2, 4 and 8, at which an image is decoded that is to be reduced more."""
    return next((scale for scale, least in _LEAST_REDUCTION.items() if reduction >= least), 1)
