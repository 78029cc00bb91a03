"""The one sampler of augmentation parameters: a whole batch at once, before any pixel is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dermctl.views.blur import INVISIBLE_SIGMA, Kernels, gaussian_kernels, largest_radius, trimmed
from dermctl.views.colour import fused_matrices
from dermctl.views.draws import Keys, Uniforms, uniforms
from dermctl.views.spec import AugmentationSpec, Range

CROP_ATTEMPTS = 10  # as torchvision's RandomResizedCrop; then the largest central crop

# Which of a view's uniform numbers decides what. Numbers are only ever added at the end, so that
# the views of a seed stay the same from one version to the next.
_AREA = slice(0, CROP_ATTEMPTS)
_RATIO = slice(CROP_ATTEMPTS, 2 * CROP_ATTEMPTS)
_LEFT, _TOP, _HORIZONTAL, _VERTICAL, _TURN, _JITTER = range(_RATIO.stop, _RATIO.stop + 6)
_FACTORS = slice(_JITTER + 1, _JITTER + 5)
_ORDER = slice(_FACTORS.stop, _FACTORS.stop + 4)
_GREYSCALE, _BLUR, _SIGMA = range(_ORDER.stop, _ORDER.stop + 3)
_COUNT = _SIGMA + 1


class ViewParameters(NamedTuple):
    """All that happens to one view.

    Args:
        box: left, top, width, height of the crop, in whole pixels of the image.
        horizontal_flip: mirror left and right.
        vertical_flip: mirror top and bottom.
        quarter_turn: turn by 90 degrees anticlockwise, after the flips.
        colour: the fused operations [3, 6], see ``dermctl.views.colour``; None: no change.
        kernel: of the blur, an odd number of weights; None: no blur.
    """

    box: tuple[int, int, int, int]
    horizontal_flip: bool = False
    vertical_flip: bool = False
    quarter_turn: bool = False
    colour: npt.NDArray[np.float64] | None = None
    kernel: Kernels | None = None


@dataclass(frozen=True)
class ParameterBatch:
    """The parameters of N views, an array each.

    Args:
        box: int64 [N, 4], left, top, width, height in pixels of the image.
        horizontal_flip, vertical_flip, quarter_turn: bool [N].
        order: int64 [N, 4], colour operations (``dermctl.views.colour``) as they are applied.
        factors: float64 [N, 4], of brightness, contrast, saturation and hue.
        greyscale: bool [N].
        sigma: float64 [N], of the blur in pixels of the view; 0: none.
        jitter: bool [N], whether the colour operations change anything.
    """

    box: npt.NDArray[np.int64]
    horizontal_flip: npt.NDArray[np.bool_]
    vertical_flip: npt.NDArray[np.bool_]
    quarter_turn: npt.NDArray[np.bool_]
    jitter: npt.NDArray[np.bool_]
    order: npt.NDArray[np.int64]
    factors: npt.NDArray[np.float64]
    greyscale: npt.NDArray[np.bool_]
    sigma: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.box)

    def colour(self) -> npt.NDArray[np.float64]:
        """The fused colour operations of all views: [N, 3, 6], see ``dermctl.views.colour``."""
        return fused_matrices(self.order, self.factors, self.greyscale)

    def kernels(self, spec: AugmentationSpec, size: int) -> Kernels:
        """The kernels of the blur of all views of ``size`` pixels: float32 [N, K], K odd."""
        radius = largest_radius(size, spec.blur_kernel, spec.blur_sigma[1])
        return gaussian_kernels(self.sigma, radius)

    def views(self, spec: AugmentationSpec, size: int) -> list[ViewParameters]:
        """The same, view by view, for views of ``size`` pixels."""
        blurred = (self.sigma > INVISIBLE_SIGMA).tolist()
        kernels = zip(self.kernels(spec, size), blurred, strict=True)
        changed = (self.jitter | self.greyscale).tolist()
        fused = zip(self.colour(), changed, strict=True)
        columns = zip(
            map(tuple, self.box.tolist()),
            self.horizontal_flip.tolist(),
            self.vertical_flip.tolist(),
            self.quarter_turn.tolist(),
            (matrix if change else None for matrix, change in fused),
            (trimmed(kernel) if blur else None for kernel, blur in kernels),
            strict=True,
        )
        return [ViewParameters(*values) for values in columns]


def sample(
    spec: AugmentationSpec,
    sizes: npt.NDArray[np.int64],
    keys: Keys,
    *,
    seed: int,
    epoch: int,
    views: int = 2,
) -> ParameterBatch:
    """Draw the parameters of ``views`` views of each image.

    Args:
        sizes: int [B, 2], width and height of the images in pixels.
        keys: uint64 [B], see ``dermctl.views.draws.image_keys``.
        seed: of the training.
        epoch: counted from 0.

    Returns:
        ``views`` x B views: first the first view of every image, then the second, and so on.
    """
    numbers = uniforms(keys, seed=seed, epoch=epoch, views=views, count=_COUNT)
    return from_uniforms(spec, np.tile(sizes, (views, 1)), numbers.reshape(-1, _COUNT))


def from_uniforms(
    spec: AugmentationSpec, sizes: npt.NDArray[np.int64], numbers: Uniforms
) -> ParameterBatch:
    """Turn uniform numbers [N, ...] into the parameters of views of images of ``sizes`` [N, 2]."""
    jitter = numbers[:, _JITTER] < spec.jitter
    strengths = np.array([spec.brightness, spec.contrast, spec.saturation])
    low = np.append(np.maximum(0, 1 - strengths), -spec.hue)
    high = np.append(1 + strengths, spec.hue)
    factors = low + (high - low) * numbers[:, _FACTORS]
    factors[~jitter] = (1, 1, 1, 0)
    blur = numbers[:, _BLUR] < spec.blur
    return ParameterBatch(
        box=_crop_boxes(spec.crop_scale, spec.crop_ratio, sizes, numbers),
        horizontal_flip=numbers[:, _HORIZONTAL] < spec.horizontal_flip,
        vertical_flip=numbers[:, _VERTICAL] < spec.vertical_flip,
        quarter_turn=numbers[:, _TURN] < spec.quarter_turn,
        jitter=jitter,
        order=np.argsort(numbers[:, _ORDER], axis=1),
        factors=factors,
        greyscale=numbers[:, _GREYSCALE] < spec.greyscale,
        sigma=np.where(blur, _within(spec.blur_sigma, numbers[:, _SIGMA]), 0),
    )


def _within(limits: Range, numbers: Uniforms) -> Uniforms:
    return limits[0] + (limits[1] - limits[0]) * numbers


def _crop_boxes(
    scale: Range, ratio: Range, sizes: npt.NDArray[np.int64], numbers: Uniforms
) -> npt.NDArray[np.int64]:
    """Random resized crops as torchvision draws them: the first of ten attempts that fits."""
    width, height = sizes[:, :1], sizes[:, 1:]
    area = width * height * _within(scale, numbers[:, _AREA])
    aspect = np.exp(_within((np.log(ratio[0]), np.log(ratio[1])), numbers[:, _RATIO]))
    crop_w = np.rint(np.sqrt(area * aspect)).astype(np.int64)
    crop_h = np.rint(np.sqrt(area / aspect)).astype(np.int64)
    fits = (crop_w > 0) & (crop_w <= width) & (crop_h > 0) & (crop_h <= height)
    first = np.arange(len(sizes)), fits.argmax(axis=1)
    found = fits[first]
    largest_w, largest_h = _largest_crops(ratio, sizes)
    w = np.where(found, crop_w[first], largest_w)
    h = np.where(found, crop_h[first], largest_h)
    free_w, free_h = sizes[:, 0] - w, sizes[:, 1] - h
    left = np.where(found, (numbers[:, _LEFT] * (free_w + 1)).astype(np.int64), free_w // 2)
    top = np.where(found, (numbers[:, _TOP] * (free_h + 1)).astype(np.int64), free_h // 2)
    return np.stack([left, top, w, h], axis=1)


def _largest_crops(
    ratio: Range, sizes: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Width and height of the largest crops within the limits of the aspect ratio."""
    width, height = sizes[:, 0], sizes[:, 1]
    w = np.minimum(width, np.rint(height * ratio[1]).astype(np.int64))
    h = np.minimum(height, np.rint(width / ratio[0]).astype(np.int64))
    return np.maximum(w, 1), np.maximum(h, 1)
