"""Rows scaled to unit length, and the gradient of that."""

from __future__ import annotations

import torch
from torch import Tensor

SHORTEST_ROW = 1e-12
"""Rows no longer than this have no direction: they become zero rows and get no gradient."""


def unit_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """[N, D] -> (unit rows [N, D], inverse lengths [N, 1]); both are zero for a zero row."""
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    inverse = torch.where(length > SHORTEST_ROW, length.reciprocal(), torch.zeros_like(length))
    return x * inverse, inverse


def unit_rows_backward(gradient: Tensor, unit: Tensor, inverse: Tensor) -> Tensor:
    """Turn dL/d(unit rows) into dL/d(rows), in place: what points along a row has no effect."""
    along: Tensor = torch.linalg.vecdot(gradient, unit)
    return gradient.addcmul_(unit, along.unsqueeze(1), value=-1).mul_(inverse)
