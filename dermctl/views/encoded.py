"""Encoded images: their size before they are decoded, and pixels no larger than needed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import simplejpeg

from dermctl.datasets.decoding import decode_rgb
from dermctl.views.exif import exif_orientation

Encoded = bytes | memoryview
Pixels = npt.NDArray[np.uint8]

_JPEG = b"\xff\xd8"
_HEAD = 8192  # the orientation stands in the first bytes of the file
_UPRIGHT = 1
_SCALES = (8, 4, 2)  # the reductions that libjpeg-turbo has fast transforms for


class EncodedImage:
    """One image: ``width`` and ``height`` in pixels, known before it is decoded.

    A plain JPEG (RGB or grey, upright) takes the fast way; all else is decoded at once by
    ``dermctl.datasets.decoding``.

    Args:
        data: the whole file.

    Raises:
        ImageFault: the file is no image, or damaged.
    """

    def __init__(self, data: Encoded) -> None:
        self._data = data
        self._pixels: Pixels | None = None
        if data[:2] == _JPEG and exif_orientation(bytes(data[:_HEAD])) == _UPRIGHT:
            try:
                self.height, self.width, colours, _ = simplejpeg.decode_jpeg_header(data)
            except ValueError:
                colours = "unknown"
            if colours in ("YCbCr", "Gray", "RGB"):
                return
        self._decode_by_any_means()

    def _decode_by_any_means(self) -> Pixels:
        self._pixels = decode_rgb(bytes(self._data)).pixels
        self.height, self.width = self._pixels.shape[:2]
        return self._pixels

    def pixels(self, reduction: float = 1.0, *, exact: bool = False) -> Pixels:
        """Decode: uint8 [H', W', 3].

        Args:
            reduction: the result may be smaller than the image by up to this factor (of 1, 2, 4
                and 8, whichever fits), since a JPEG can be decoded at a fraction of its size.
            exact: with libjpeg's exact inverse transform and smooth chroma; otherwise with the
                faster ones, on photographs one grey level off on average and rarely over three.
        """
        if self._pixels is not None:
            return self._pixels
        scale = next((scale for scale in _SCALES if scale <= reduction), 1)
        smaller = (
            {"min_height": -(-self.height // scale), "min_width": -(-self.width // scale)}
            if scale > 1
            else {}
        )
        try:
            pixels: Pixels = simplejpeg.decode_jpeg(
                self._data, "RGB", fastdct=not exact, fastupsample=not exact, **smaller
            )
        except ValueError:  # damaged: this names the fault, or reads what simplejpeg does not
            return self._decode_by_any_means()
        return pixels
