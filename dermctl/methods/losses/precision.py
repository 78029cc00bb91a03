"""The number format that losses compute in, whatever mixed precision surrounds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_FULL = ("none", "ieee")


def working_dtype(*tensors: Tensor) -> torch.dtype:
    """float64 where an input is float64, else float32 (also for bfloat16 and half)."""
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Compute without autocast and without reduced-precision (TF32, bfloat16) products.

    bfloat16 autocast reaches inside a loss even after ``.float()``: matrix products are cast
    down again, which changed the gradient's norm by several percent.
    """
    products = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)  # type: ignore[attr-defined]
    reduced = [(p, p.fp32_precision) for p in products if p.fp32_precision not in _FULL]
    for product, _ in reduced:
        product.fp32_precision = "ieee"
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for product, setting in reduced:
            product.fp32_precision = setting
