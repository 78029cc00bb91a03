"""The CPU path: one decode an image, then the least work a view."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from cv2.typing import MatLike

from dermctl.views.colour import with_means
from dermctl.views.encoded import Encoded, EncodedImage, decoding_scale
from dermctl.views.images import OpenImage
from dermctl.views.normalization import IMAGENET_MEAN, IMAGENET_STD, MAX_PIXEL
from dermctl.views.parameters import ViewParameters
from dermctl.views.resample import Box, crop_resize

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def one_thread() -> None:
    """Keep OpenCV to one thread: a loader process has one core, and views are small."""
    cv2.setNumThreads(1)


def make_view(
    pixels: Pixels,
    view: ViewParameters,
    size: int,
    out: Pixels | None = None,
) -> Pixels:
    """One view of a decoded image.

    Args:
        pixels: uint8 [H, W, 3]; the image, or a smaller decoding of it if ``view.box`` is scaled.
        view: what is done to it.
        size: side of the view in pixels.
        out: uint8 [size, size, 3], C-contiguous, to write into.

    Returns:
        uint8 [size, size, 3]: ``out`` where it was given.
    """
    image: MatLike = turn(crop_resize(pixels, view.box, size), view)
    if view.colour is not None:
        image = cv2.transform(image, with_means(view.colour, cv2.mean(image)[:3]))
    if view.kernel is not None:
        image = cv2.sepFilter2D(image, -1, view.kernel, view.kernel)
    if out is None:
        return np.asarray(image, np.uint8)
    out[...] = image
    return out


def turn(image: MatLike, view: ViewParameters) -> MatLike:
    """Apply the view's flips, then its quarter turn."""
    if view.horizontal_flip or view.vertical_flip:
        both = view.horizontal_flip and view.vertical_flip
        image = cv2.flip(image, -1 if both else int(view.horizontal_flip))
    if view.quarter_turn:
        image = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return image


def make_views(
    image: OpenImage,
    views: Sequence[ViewParameters],
    size: int,
    out: Sequence[Pixels] | None = None,
) -> list[Pixels]:
    """All views of one image from one decoding of it, no larger than the views need.

    Args and returns are those of ``make_view``, a list each.
    """
    reduction = min(reduction_needed(view.box, size) for view in views)
    pixels = image.pixels(reduction, rows=max(view.box[1] + view.box[3] for view in views))
    if pixels.shape[1] != image.width:
        scale = decoding_scale(reduction)
        views = [view._replace(box=_scaled(view.box, scale, pixels)) for view in views]
    places: Sequence[Pixels | None] = [None] * len(views) if out is None else out
    return [make_view(pixels, view, size, place) for view, place in zip(views, places, strict=True)]


def two_views(
    data: Encoded, first: ViewParameters, second: ViewParameters, size: int
) -> tuple[Pixels, Pixels]:
    """Both views of one encoded image: uint8 [size, size, 3] each.

    Raises:
        ImageFault: ``data`` is no image, or damaged.
    """
    one, other = make_views(EncodedImage(data), (first, second), size)
    return one, other


def normalised(
    view: Pixels,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    out: Floats | None = None,
) -> Floats:
    """A view as a model wants it: float32 [size, size, 3], (pixel / 255 - mean) / std."""
    scale = 1 / (MAX_PIXEL * np.asarray(std))
    matrix = np.column_stack([np.diag(scale), -MAX_PIXEL * np.asarray(mean) * scale])
    return np.asarray(cv2.transform(view.astype(np.float32), matrix, out), np.float32)


def reduction_needed(box: Box, size: int) -> float:
    """By how much the crop must be reduced, along its shorter side, to be the view."""
    return min(box[2:]) / size


def _scaled(box: Box, scale: int, pixels: Pixels) -> Box:
    """The box of the whole image on its ``scale`` times smaller decoding, at whole pixels."""
    height, width = pixels.shape[:2]
    left, top = round(box[0] / scale), round(box[1] / scale)
    right, bottom = round((box[0] + box[2]) / scale), round((box[1] + box[3]) / scale)
    return left, top, max(1, min(right, width) - left), max(1, min(bottom, height) - top)
