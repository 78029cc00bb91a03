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

# Rows [N, S] above and below, columns [N, S] left and right -> the pixels at top left, top right,
# bottom left, bottom right, int32 [N, S, S, 3] each.
_Four = tuple[Tensor, Tensor, Tensor, Tensor]
_Corners = Callable[[Tensor, Tensor, Tensor, Tensor], _Four]


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


def crop_views(
    block: Tensor,
    crops: Crops,
    boxes: npt.NDArray[np.int64],
    size: int,
    *,
    fused: bool = False,
) -> Tensor:
    """Cut, resize and turn.

    Args:
        block: uint8 [P, 3], see ``dermctl.views.decoded.DecodedImages``.
        crops: N views, on the same device.
        boxes: ``crops.box`` in RAM: what decides how each view is smoothed, without asking the
            device to stop and tell.
        size: side of a view in pixels.
        fused: by ``dermctl.views.fused``, on a GPU: one launch, whatever the views are like.

    Returns:
        uint8 [N, size, size, 3].
    """
    plans = [smoothing(width, height, size) for _, _, width, height in boxes.tolist()]
    if fused:
        return _crop_fused(block, crops, plans, size)
    views = block.new_empty((len(boxes), size, size, 3))
    for (plain, factor), numbers in _alike(plans).items():
        for part in range(0, len(numbers), _CHUNK):
            some = numbers[part : part + _CHUNK]
            which = to_device(torch.tensor(some), block.device)
            weights = None if plain else _weights_of([plans[n] for n in some], block.device)
            views[which] = _resized(block, crops.take(which), size, factor, weights)
    return views


def _alike(plans: list[Smoothing]) -> dict[tuple[bool, int], list[int]]:
    """(Not smoothed at all, factor) -> the numbers of the views that this holds for."""
    groups: dict[tuple[bool, int], list[int]] = {}
    for number, plan in enumerate(plans):
        groups.setdefault((plan is NO_SMOOTHING, plan.factor), []).append(number)
    return groups


def _weights_of(plans: list[Smoothing], device: torch.device) -> Tensor:
    """float32 [N, 4], the kernels of ``_smoothed``."""
    weights = [[p.a_x, 1 - 2 * p.a_x, p.a_y, 1 - 2 * p.a_y] for p in plans]
    return to_device(torch.tensor(weights), device)


def _crop_fused(block: Tensor, crops: Crops, plans: list[Smoothing], size: int) -> Tensor:
    from dermctl.views.fused.crop import crop

    factors = torch.tensor([0 if p is NO_SMOOTHING else p.factor for p in plans], dtype=torch.int32)
    turns = (crops.horizontal_flip, crops.vertical_flip, crops.quarter_turn)
    return crop(
        block,
        crops.start,
        crops.stride,
        crops.box,
        torch.stack(turns, dim=1).int(),
        to_device(factors, block.device),
        _weights_of(plans, block.device),
        size,
    )


def _resized(block: Tensor, crops: Crops, size: int, factor: int, kernels: Tensor | None) -> Tensor:
    """uint8 [N, size, size, 3], turned too."""
    left, top, width, height = crops.box.unbind(dim=1)
    corner = crops.start + top * crops.stride + left

    def crop(rows: Tensor, columns: Tensor) -> Tensor:
        lines = corner[:, None] + rows * crops.stride[:, None]
        return block[lines[:, :, None] + columns[:, None, :]].int()

    corners = _as_they_are(crop)
    if kernels is not None:
        height, width = height // factor, width // factor
        small = crop if factor == 1 else _averaged(crop, factor)
        corners = _smoothed(small, height, width, kernels)
    return _turned(_bilinear(corners, height, width, size), crops)


def _averaged(read: _Reader, factor: int) -> _Reader:
    """Squares of ``factor`` x ``factor`` pixels as one, rounded."""
    area = factor * factor

    def averaged(rows: Tensor, columns: Tensor) -> Tensor:
        total = read(rows * factor, columns * factor)
        for pixel in range(1, area):
            y, x = divmod(pixel, factor)
            total = total + read(rows * factor + y, columns * factor + x)
        return (total + area // 2) // area

    return averaged


def _as_they_are(read: _Reader) -> _Corners:
    def corners(top: Tensor, bottom: Tensor, left: Tensor, right: Tensor) -> _Four:
        return read(top, left), read(top, right), read(bottom, left), read(bottom, right)

    return corners


def _smoothed(read: _Reader, height: Tensor, width: Tensor, kernels: Tensor) -> _Corners:
    """Through [a, 1 - 2a, a] across, then down, mirrored at the crop's border, rounded.

    The four corners lie side by side, so that sixteen pixels serve all of them. A right corner
    that would lie beyond the border is not to be looked at: it weighs nothing.

    Args:
        kernels: float32 [N, 4], a and 1 - 2a across, then down.
    """
    side_x, middle_x, side_y, middle_y = kernels[:, :, None, None, None].unbind(dim=1)

    def corners(top: Tensor, bottom: Tensor, left: Tensor, _: Tensor) -> _Four:
        columns = [_mirror(left + step, width) for step in (-1, 0, 1, 2)]

        def across(rows: Tensor) -> tuple[Tensor, Tensor]:
            a, b, c, d = (read(rows, at) for at in columns)
            return middle_x * b + side_x * (a + c), middle_x * c + side_x * (b + d)

        lines = [across(_mirror(top + step, height)) for step in (-1, 0, 1, 2)]

        def down(above: int, side: int) -> Tensor:
            before, here, after = (lines[above + step][side] for step in range(3))
            return (middle_y * here + side_y * (before + after)).round().int()

        top_left, top_right = down(0, 0), down(0, 1)
        same = (bottom == top)[:, :, None, None]
        bottom_left = torch.where(same, top_left, down(1, 0))
        return top_left, top_right, bottom_left, torch.where(same, top_right, down(1, 1))

    return corners


def _mirror(at: Tensor, length: Tensor) -> Tensor:
    """Positions [N, S] one beyond either border, brought back to the border's other side."""
    last = length[:, None] - 1
    return torch.where(at > last, 2 * last - at, at.abs()).clamp_(min=0)


def _bilinear(corners: _Corners, height: Tensor, width: Tensor, size: int) -> Tensor:
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
    top_left, top_right, bottom_left, bottom_right = corners(top, bottom, left, right)
    x0, x1 = x0[:, None, :, None], x1[:, None, :, None]
    upper, lower = top_left * x0 + top_right * x1, bottom_left * x0 + bottom_right * x1
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
