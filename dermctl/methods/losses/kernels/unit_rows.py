"""Rows scaled to unit length, and the gradient of that."""

from __future__ import annotations

import torch
from torch import Tensor

SHORTEST_ROW = 1e-12
"""Rows no longer than this have no direction: they become zero rows and get no gradient."""


def unit_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """[N, D] -> (unit rows [N, D], lengths [N, 1]); a zero row has infinite length and stays."""
    length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    length = torch.threshold(length, SHORTEST_ROW, torch.inf)
    return x / length, length


def unit_rows_backward(gradient: Tensor, unit: Tensor, length: Tensor) -> Tensor:
    """Turn dL/d(unit rows) into dL/d(rows), in place: what points along a row has no effect."""
    along = (gradient * unit).sum(dim=1, keepdim=True)
    return gradient.addcmul_(unit, along, value=-1).div_(length)
