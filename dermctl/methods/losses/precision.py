"""The number format that losses compute in, whatever mixed precision surrounds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

_FULL = ("none", "ieee")
_PRODUCTS: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)  # type: ignore[attr-defined]
_AS_IT_IS = nullcontext()


def working_dtype(*tensors: Tensor) -> torch.dtype:
    """float64 where an input is float64, else float32 (also for bfloat16 and half)."""
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32


def full_precision(device: torch.device) -> AbstractContextManager[None]:
    """Compute without autocast and without reduced-precision (TF32, bfloat16) products.

    bfloat16 autocast reaches inside a loss even after ``.float()``: matrix products are cast
    down again, which changed the gradient's norm by several percent. Where nothing is reduced,
    nothing is switched: a small batch would wait for that longer than for a product.
    """
    reduced = [product for product in _PRODUCTS if product.fp32_precision not in _FULL]
    if not reduced and not torch.is_autocast_enabled(device.type):
        return _AS_IT_IS
    return _switched_to_full(device, reduced)


@contextmanager
def _switched_to_full(device: torch.device, reduced: list[Any]) -> Iterator[None]:
    settings = [product.fp32_precision for product in reduced]
    for product in reduced:
        product.fp32_precision = "ieee"
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for product, setting in zip(reduced, settings, strict=True):
            product.fp32_precision = setting
