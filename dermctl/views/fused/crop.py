"""Crop, resize and turn all views of a batch in one launch: ``device_crop`` as a Triton kernel.

The same sums in the same order and formats, so the values are the same. For that a product and a
sum must not become one rounding: ``enable_fp_fusion=False``.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from dermctl.views.fused.arithmetic import mirrored, to_nearest_even

_BLOCK = 256  # pixels that one program makes


def crop(
    block: Tensor,
    start: Tensor,
    stride: Tensor,
    box: Tensor,
    turns: Tensor,
    factors: Tensor,
    kernels: Tensor,
    size: int,
) -> Tensor:
    """Cut, resize and turn N views.

    Args:
        block: uint8 [P, 3].
        start: int64 [N], the first pixel of the view's image.
        stride: int64 [N], width of that image.
        box: int64 [N, 4], left, top, width, height.
        turns: int32 [N, 3], 0 or 1: horizontal flip, vertical flip, quarter turn.
        factors: int32 [N], side of the squares that are averaged first; 0: no smoothing at all.
        kernels: float32 [N, 4], a and 1 - 2a across, then down.
        size: side of a view in pixels.

    Returns:
        uint8 [N, size, size, 3].
    """
    views = block.new_empty((len(start), size, size, 3))
    blocks = triton.cdiv(size * size, _BLOCK)
    _crop_kernel[(len(start) * blocks,)](
        block, start, stride, box, turns, factors, kernels, views,
        SIZE=size, BLOCK=_BLOCK, enable_fp_fusion=False,
    )  # fmt: skip
    return views


@triton.jit
def _position(at, length, SIZE: tl.constexpr):
    """The crop's pixel before it, from -1 on, and its share of the way to the next."""
    step = length.to(tl.float64) / SIZE
    exact = ((at.to(tl.float64) + 0.5) * step - 0.5).to(tl.float32)
    before = tl.floor(exact)
    return before.to(tl.int32), exact - before


@triton.jit
def _weight(share):
    return to_nearest_even(share * 2048.0).to(tl.int32)  # OpenCV's INTER_RESIZE_COEF_SCALE


@triton.jit
def _read(pixels, stride, row, column, factor, wanted):
    """Squares of ``factor`` x ``factor`` pixels as one, rounded."""
    total = tl.zeros_like(row)
    for y in range(factor):
        for x in range(factor):
            at = (row * factor + y).to(tl.int64) * stride + column * factor + x
            total += tl.load(pixels + at * 3, mask=wanted, other=0).to(tl.int32)
    area = factor * factor
    return (total + area // 2) // area


@triton.jit
def _across(pixels, stride, row, left, width, factor, side, middle, wanted):
    """A line through the horizontal three taps, at the left and at the right corner."""
    a = _read(pixels, stride, row, mirrored(left - 1, width), factor, wanted)
    b = _read(pixels, stride, row, left, factor, wanted)
    c = _read(pixels, stride, row, mirrored(left + 1, width), factor, wanted)
    d = _read(pixels, stride, row, mirrored(left + 2, width), factor, wanted)
    return middle * b + side * (a + c), middle * c + side * (b + d)


@triton.jit
def _down(above, here, below, side, middle):
    return to_nearest_even(middle * here + side * (above + below)).to(tl.int32)


@triton.jit
def _crop_kernel(
    block, start, stride, box, turns, factors, kernels, views,
    SIZE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    blocks = tl.cdiv(SIZE * SIZE, BLOCK)
    view = (tl.program_id(0) // blocks).to(tl.int64)
    pixel = (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)
    wanted = pixel < SIZE * SIZE

    # Where the pixel lay before the turn, and before that before the flips.
    y, x = pixel // SIZE, pixel % SIZE
    turned = tl.load(turns + view * 3 + 2) != 0
    y, x = tl.where(turned, x, y), tl.where(turned, SIZE - 1 - y, x)
    y = tl.where(tl.load(turns + view * 3 + 1) != 0, SIZE - 1 - y, y)
    x = tl.where(tl.load(turns + view * 3) != 0, SIZE - 1 - x, x)

    wide = tl.load(stride + view)
    left_edge, top_edge = tl.load(box + view * 4), tl.load(box + view * 4 + 1)
    width = tl.load(box + view * 4 + 2).to(tl.int32)
    height = tl.load(box + view * 4 + 3).to(tl.int32)
    pixels = block + (tl.load(start + view) + top_edge * wide + left_edge) * 3
    factor = tl.load(factors + view)
    if factor > 0:
        width, height = width // factor, height // factor

    row, share_y = _position(y, height, SIZE)
    column, share_x = _position(x, width, SIZE)
    # Beyond the border OpenCV drops the second column only.
    share_x = tl.where((column >= 0) & (column < width - 1), share_x, 0.0)
    x0, x1 = _weight(1 - share_x), _weight(share_x)
    y0, y1 = _weight(1 - share_y), _weight(share_y)
    left = tl.minimum(tl.maximum(column, 0), width - 1)
    right = tl.minimum(left + 1, width - 1)
    top = tl.minimum(tl.maximum(row, 0), height - 1)
    bottom = tl.minimum(tl.maximum(row + 1, 0), height - 1)

    side_x, middle_x = tl.load(kernels + view * 4), tl.load(kernels + view * 4 + 1)
    side_y, middle_y = tl.load(kernels + view * 4 + 2), tl.load(kernels + view * 4 + 3)
    for channel in range(3):
        one = pixels + channel
        if factor == 0:
            top_left = _read(one, wide, top, left, 1, wanted)
            top_right = _read(one, wide, top, right, 1, wanted)
            bottom_left = _read(one, wide, bottom, left, 1, wanted)
            bottom_right = _read(one, wide, bottom, right, 1, wanted)
        else:  # sixteen pixels serve the four corners, which lie side by side
            row_0, row_2 = mirrored(top - 1, height), mirrored(top + 1, height)
            row_3 = mirrored(top + 2, height)
            l0, r0 = _across(one, wide, row_0, left, width, factor, side_x, middle_x, wanted)
            l1, r1 = _across(one, wide, top, left, width, factor, side_x, middle_x, wanted)
            l2, r2 = _across(one, wide, row_2, left, width, factor, side_x, middle_x, wanted)
            l3, r3 = _across(one, wide, row_3, left, width, factor, side_x, middle_x, wanted)
            top_left = _down(l0, l1, l2, side_y, middle_y)
            top_right = _down(r0, r1, r2, side_y, middle_y)
            bottom_left = tl.where(bottom == top, top_left, _down(l1, l2, l3, side_y, middle_y))
            bottom_right = tl.where(bottom == top, top_right, _down(r1, r2, r3, side_y, middle_y))
        upper = (top_left * x0 + top_right * x1) >> 4
        lower = (bottom_left * x0 + bottom_right * x1) >> 4
        mixed = ((upper * y0) >> 16) + ((lower * y1) >> 16)
        at = (view * SIZE * SIZE + pixel) * 3 + channel
        tl.store(views + at, ((mixed + 2) >> 2).to(tl.uint8), mask=wanted)
