"""Colour and blur in two launches: ``device.finish_views`` as Triton kernels.

Across: every tap's pixel is given its colours, rounded, weighed and summed. Down: weighed, summed
and rounded.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from dermctl.views.fused.arithmetic import mirrored, to_nearest_even

_BLOCK = 256  # pixels that one program makes
_CHUNK = 1024  # views at a time: some 0.6 GB of scratch memory at 224 pixels


def finish(views: Tensor, matrix: Tensor, offset: Tensor, kernels: Tensor) -> Tensor:
    """Colour, then blur.

    Args:
        views: uint8 [N, S, S, 3].
        matrix: float32 [N, 3, 3], from a pixel's channels to its new ones.
        offset: float32 [N, 3], what is added to them.
        kernels: float32 [N, K], K odd.

    Returns:
        uint8 [N, S, S, 3].
    """
    size = views.shape[1]
    fixed = {
        "SIZE": size, "TAPS": kernels.shape[1], "BLOCK": _BLOCK, "enable_fp_fusion": False
    }  # fmt: skip
    views, matrix, offset, kernels = (x.contiguous() for x in (views, matrix, offset, kernels))
    done = torch.empty_like(views)
    for first in range(0, len(views), _CHUNK):
        some = slice(first, first + _CHUNK)
        across = torch.empty_like(views[some], dtype=torch.float32)
        kernel = kernels[some]
        pixels, values = size * size, 3 * size * size
        _across_kernel[_programs(across, pixels)](
            views[some], matrix[some], offset[some], kernel, across, **fixed
        )
        _down_kernel[_programs(across, values)](across, kernel, done[some], **fixed)
    return done


def _programs(views: Tensor, length: int) -> tuple[int]:
    return (len(views) * triton.cdiv(length, _BLOCK),)


@triton.jit
def _place(LENGTH: tl.constexpr, BLOCK: tl.constexpr):
    """The program's view, and its part of the LENGTH things that a view has."""
    blocks = tl.cdiv(LENGTH, BLOCK)
    view = (tl.program_id(0) // blocks).to(tl.int64)
    return view, (tl.program_id(0) % blocks) * BLOCK + tl.arange(0, BLOCK)


@triton.jit
def _reach(weights, TAPS: tl.constexpr):
    """The taps from .. to that weigh anything: one where a view is not blurred."""
    middle: tl.constexpr = TAPS // 2
    sharp = tl.load(weights + middle) == 1.0
    return tl.where(sharp, middle, 0), tl.where(sharp, middle + 1, TAPS)


@triton.jit
def _within(x):
    """Rounded and kept in 0..255, as float32."""
    return tl.minimum(tl.maximum(to_nearest_even(x), 0.0), 255.0)


@triton.jit
def _across_kernel(
    views, matrix, offset, kernels, across,
    SIZE: tl.constexpr, TAPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    view, pixel = _place(SIZE * SIZE, BLOCK)
    wanted = pixel < SIZE * SIZE
    line, column = (pixel // SIZE) * SIZE, pixel % SIZE
    image, weights = views + view * SIZE * SIZE * 3, kernels + view * TAPS
    mix, shift = matrix + view * 9, offset + view * 3
    rr, rg, rb, r1 = tl.load(mix), tl.load(mix + 1), tl.load(mix + 2), tl.load(shift)
    gr, gg, gb, g1 = tl.load(mix + 3), tl.load(mix + 4), tl.load(mix + 5), tl.load(shift + 1)
    br, bg, bb, b1 = tl.load(mix + 6), tl.load(mix + 7), tl.load(mix + 8), tl.load(shift + 2)
    out_r = tl.zeros([BLOCK], tl.float32)
    out_g = tl.zeros([BLOCK], tl.float32)
    out_b = tl.zeros([BLOCK], tl.float32)
    first, last = _reach(weights, TAPS)
    for tap in range(first, last):
        weight = tl.load(weights + tap)
        at = image + (line + mirrored(column + tap - TAPS // 2, SIZE)) * 3
        r = tl.load(at, mask=wanted, other=0).to(tl.float32)
        g = tl.load(at + 1, mask=wanted, other=0).to(tl.float32)
        b = tl.load(at + 2, mask=wanted, other=0).to(tl.float32)
        out_r += weight * _within(((r1 + rr * r) + rg * g) + rb * b)
        out_g += weight * _within(((g1 + gr * r) + gg * g) + gb * b)
        out_b += weight * _within(((b1 + br * r) + bg * g) + bb * b)
    at = across + (view * SIZE * SIZE + pixel) * 3
    tl.store(at, out_r, mask=wanted)
    tl.store(at + 1, out_g, mask=wanted)
    tl.store(at + 2, out_b, mask=wanted)


@triton.jit
def _down_kernel(
    across, kernels, done, SIZE: tl.constexpr, TAPS: tl.constexpr, BLOCK: tl.constexpr
):  # fmt: skip
    view, value = _place(3 * SIZE * SIZE, BLOCK)  # channels side by side are alike here
    wanted = value < 3 * SIZE * SIZE
    row, place = value // (3 * SIZE), value % (3 * SIZE)
    image, weights = across + view * SIZE * SIZE * 3, kernels + view * TAPS
    total = tl.zeros([BLOCK], tl.float32)
    first, last = _reach(weights, TAPS)
    for tap in range(first, last):
        at = mirrored(row + tap - TAPS // 2, SIZE) * (3 * SIZE) + place
        total += tl.load(weights + tap) * tl.load(image + at, mask=wanted, other=0.0)
    tl.store(done + view * SIZE * SIZE * 3 + value, _within(total).to(tl.uint8), mask=wanted)
