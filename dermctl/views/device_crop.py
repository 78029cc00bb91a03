"""Crop, resize and turn many views at once, out of images that lie in one block on the device.

To the last bit what ``dermctl.views.resample`` does: OpenCV's two-tap bilinear works with weights
of 1/2048 and drops bits on its way, and so does this, so that a training can move between the
paths.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dermctl.views.resample import NO_SMOOTHING, Smoothing, smoothing
from dermctl.views.transfer import to_device

_CHUNK = 128  # views at a time: some 0.5 GB of scratch memory at 224 pixels
_WEIGHT_ONE = 2048.0  # OpenCV's INTER_RESIZE_COEF_SCALE

# Rows [N, S] and columns [N, S] of a crop -> its pixels there, int32 [N, S, S, 3].
_Reader = Callable[[Tensor, Tensor], Tensor]


class Crops(NamedTuple):
    """Where N views lie in the block, and how they are turned.

    Args:
        start: int64 [N], the first pixel of the view's image.
        stride: int64 [N], width of that image.
        box: int64 [N, 4], left, top, width, height.
        horizontal_flip, vertical_flip, quarter_turn: bool [N].
    """

    start: Tensor
    stride: Tensor
    box: Tensor
    horizontal_flip: Tensor
    vertical_flip: Tensor
    quarter_turn: Tensor

    def take(self, which: Tensor) -> Crops:
        """Those with the numbers ``which``."""
        return Crops(*(part[which] for part in self))


def crop_views(block: Tensor, crops: Crops, boxes: npt.NDArray[np.int64], size: int) -> Tensor:
    """Cut, resize and turn.

    Args:
        block: uint8 [P, 3], see ``dermctl.views.decoded.DecodedImages``.
        crops: N views, on the same device.
        boxes: ``crops.box`` in RAM: what decides how each view is smoothed, without asking the
            device to stop and tell.
        size: side of a view in pixels.

    Returns:
        uint8 [N, size, size, 3].
    """
    views = block.new_empty((len(boxes), size, size, 3))
    for factor, numbers, plans in _alike(boxes, size):
        weights = None if plans is None else to_device(torch.tensor(plans), block.device)
        for part in range(0, len(numbers), _CHUNK):
            chosen = slice(part, part + _CHUNK)
            which = to_device(torch.from_numpy(numbers[chosen]), block.device)
            some = crops.take(which)
            kernels = None if weights is None else weights[chosen]
            views[which] = _turned(_resized(block, some, size, factor, kernels), some)
    return views


def _alike(
    boxes: npt.NDArray[np.int64], size: int
) -> list[tuple[int, npt.NDArray[np.int64], list[list[float]] | None]]:
    """Views that are smoothed in the same way: factor, their numbers, kernels of ``_smoothed``."""
    groups: dict[tuple[bool, int], list[tuple[int, Smoothing]]] = {}
    for number, (_, _, width, height) in enumerate(boxes.tolist()):
        plan = smoothing(width, height, size)
        groups.setdefault((plan is NO_SMOOTHING, plan.factor), []).append((number, plan))
    return [
        (
            factor,
            np.array([number for number, _ in members]),
            None
            if plain
            else [[plan.a_x, 1 - 2 * plan.a_x, plan.a_y, 1 - 2 * plan.a_y] for _, plan in members],
        )
        for (plain, factor), members in groups.items()
    ]


def _resized(block: Tensor, crops: Crops, size: int, factor: int, kernels: Tensor | None) -> Tensor:
    """uint8 [N, size, size, 3], not turned yet."""
    left, top, width, height = crops.box.unbind(dim=1)
    corner = crops.start + top * crops.stride + left

    def crop(rows: Tensor, columns: Tensor) -> Tensor:
        lines = corner[:, None] + rows * crops.stride[:, None]
        return block[lines[:, :, None] + columns[:, None, :]].int()

    if kernels is None:
        return _bilinear(crop, height, width, size)
    height, width = height // factor, width // factor
    small = crop if factor == 1 else _averaged(crop, factor)
    return _bilinear(_smoothed(small, height, width, kernels), height, width, size)


def _averaged(read: _Reader, factor: int) -> _Reader:
    """Squares of ``factor`` x ``factor`` pixels as one, rounded."""

    def averaged(rows: Tensor, columns: Tensor) -> Tensor:
        total = torch.stack(
            [
                read(rows * factor + y, columns * factor + x)
                for y in range(factor)
                for x in range(factor)
            ]
        ).sum(dim=0, dtype=torch.int32)
        area = factor * factor
        return (total + area // 2) // area

    return averaged


def _smoothed(read: _Reader, height: Tensor, width: Tensor, kernels: Tensor) -> _Reader:
    """Through [a, 1 - 2a, a] across, then down, mirrored at the crop's border, rounded.

    Args:
        kernels: float32 [N, 4], a and 1 - 2a across, then down.
    """
    side_x, middle_x, side_y, middle_y = kernels[:, :, None, None, None].unbind(dim=1)

    def across(rows: Tensor, columns: Tensor) -> Tensor:
        before, after = _mirror(columns - 1, width), _mirror(columns + 1, width)
        return middle_x * read(rows, columns) + side_x * (read(rows, before) + read(rows, after))

    def smoothed(rows: Tensor, columns: Tensor) -> Tensor:
        above, below = _mirror(rows - 1, height), _mirror(rows + 1, height)
        sides = across(above, columns) + across(below, columns)
        return (middle_y * across(rows, columns) + side_y * sides).round().int()

    return smoothed


def _mirror(at: Tensor, length: Tensor) -> Tensor:
    """Positions [N, S] one beyond either border, brought back to the border's other side."""
    last = length[:, None] - 1
    return torch.where(at > last, 2 * last - at, at.abs()).clamp_(min=0)


def _bilinear(read: _Reader, height: Tensor, width: Tensor, size: int) -> Tensor:
    """OpenCV's INTER_LINEAR for uint8."""
    rows, share_y = _positions(height, size)
    columns, share_x = _positions(width, size)
    last_row, last_column = height[:, None] - 1, width[:, None] - 1
    inside = (columns >= 0) & (columns < last_column)  # beyond, OpenCV drops the second column only
    x0, x1 = _weights(share_x * inside)
    y0, y1 = _weights(share_y)
    left = columns.clamp(min=0).minimum(last_column)
    right = (left + 1).minimum(last_column)
    top = rows.clamp(min=0).minimum(last_row)
    bottom = (rows + 1).clamp(min=0).minimum(last_row)
    x0, x1 = x0[:, None, :, None], x1[:, None, :, None]
    upper = read(top, left) * x0 + read(top, right) * x1
    lower = read(bottom, left) * x0 + read(bottom, right) * x1
    y0, y1 = y0[:, :, None, None], y1[:, :, None, None]
    mixed = ((upper >> 4) * y0 >> 16) + ((lower >> 4) * y1 >> 16)
    return ((mixed + 2) >> 2).to(torch.uint8)


def _positions(length: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """For each pixel of the view: the crop's pixel before it, and its share of the way to the next.

    Returns:
        int64 [N, size], from -1 on, and float32 [N, size] in 0..1.
    """
    precise = torch.float32 if length.device.type == "mps" else torch.float64
    middle = torch.arange(size, device=length.device, dtype=precise) + 0.5
    at = (middle * (length.to(precise) / size)[:, None] - 0.5).float()
    before = at.floor()
    return before.long(), at - before


def _weights(share: Tensor) -> tuple[Tensor, Tensor]:
    """int32 weights of the pixel before and of the next, in 1/2048."""
    return ((1 - share) * _WEIGHT_ONE).round().int(), (share * _WEIGHT_ONE).round().int()


def _turned(views: Tensor, crops: Crops) -> Tensor:
    """Flips, then the quarter turn anticlockwise."""
    for axis, chosen in ((2, crops.horizontal_flip), (1, crops.vertical_flip)):
        views = torch.where(chosen[:, None, None, None], views.flip(axis), views)
    return torch.where(crops.quarter_turn[:, None, None, None], views.rot90(1, (1, 2)), views)
