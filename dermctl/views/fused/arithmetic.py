"""Pieces that the kernels share."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def to_nearest_even(x):
    """A float32 of at most 2^22 as a whole number; halves go to the even one, as torch.round."""
    return (x + 12582912.0) - 12582912.0  # 1.5 * 2^23: no bits are left behind the point


@triton.jit
def mirrored(at, length):
    """Positions beyond either border at the border's other side, the border not repeated."""
    at = tl.where(at < 0, -at, at)
    at = tl.where(at > length - 1, 2 * (length - 1) - at, at)
    return tl.maximum(at, 0)
