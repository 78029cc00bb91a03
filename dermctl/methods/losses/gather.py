"""Rows of all processes, in an order that is the same everywhere.

A gather here carries no gradient: losses that use it write their own.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from dermctl.errors import TrainingError


def process_count() -> int:
    """How many processes train together; 1 outside distributed training."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def process_rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if process_count() > 1 else 0


def gather_counts(rows: Tensor, *, where: str) -> list[int]:
    """[n, D] -> n of every process, by rank.

    Raises:
        TrainingError: D differs between processes.
    """
    mine = torch.tensor(rows.shape, device=rows.device)
    shapes = [torch.empty_like(mine) for _ in range(process_count())]
    dist.all_gather(shapes, mine)
    counts, widths = torch.stack(shapes).t().tolist()
    if len(set(widths)) > 1:
        raise TrainingError(
            f"processes have projections of different widths: {widths}",
            where=where,
            hint="Start every process with the same configuration",
        )
    return [int(n) for n in counts]


def gather_views(views: Tensor, counts: list[int]) -> Tensor:
    """Values of both views' rows, from every process.

    Args:
        views: [2n, ...] this process' view 0, then its view 1.
        counts: n of every process, by rank; they may differ (a last batch often does).

    Returns:
        [2N, ...] view 0 of every process by rank, then view 1: image i of all is row i and N + i.
    """
    most, n = max(counts), len(views) // 2
    padded = views.new_zeros(2, most, *views.shape[1:])
    padded[0, :n], padded[1, :n] = views[:n], views[n:]
    received = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(received, padded)
    by_view = [[r[view, :n] for r, n in zip(received, counts, strict=True)] for view in (0, 1)]
    return torch.cat(by_view[0] + by_view[1])
