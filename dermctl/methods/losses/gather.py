"""Rows of all processes, in an order that is the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from dermctl.errors import TrainingError

_EQUAL = ContextVar("equal", default=False)
_agreed: set[torch.Size] = set()
"""Shapes that were found to be the same in every process."""


@contextmanager
def equal_shares() -> Iterator[None]:
    """Within, all processes have as many rows as each other, at each step.

    Then they tell each other so once: to read an answer makes the host wait for its device. So it
    is in training (``TrainingData.train_dataloader``: whole batches, in equal shares); were it not,
    one process would tell and another not, and they would wait for ever.
    """
    before = _EQUAL.set(True)
    try:
        yield
    finally:
        _EQUAL.reset(before)


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
    if _EQUAL.get() and rows.shape in _agreed:
        return [len(rows)] * process_count()
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
    if len(set(counts)) == 1:
        _agreed.add(rows.shape)
    return [int(n) for n in counts]


def gather_rows(rows: Tensor, counts: list[int]) -> Tensor:
    """[n, ...] of this process -> [N, ...] of every process, by rank.

    Args:
        rows: n is this process' entry of ``counts``.
        counts: n of every process; they may differ (a last batch often does).
    """
    padded = rows.new_zeros(max(counts), *rows.shape[1:])
    padded[: len(rows)] = rows
    received = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(received, padded)
    return torch.cat([part[:n] for part, n in zip(received, counts, strict=True)])


def gather_views(views: Tensor, counts: list[int]) -> Tensor:
    """[2n, ...] this process' view 0, then its view 1 -> [2N, ...] view 0 of all, then view 1.

    Image i of all, counted by rank, is then row i and row N + i.
    """
    n = len(views) // 2
    pairs = gather_rows(torch.stack([views[:n], views[n:]], dim=1), counts)
    return torch.cat([pairs[:, 0], pairs[:, 1]])


def all_rows(rows: Tensor, *, where: str) -> Tensor:
    """[n, D] of this process -> [N, D] of every process, by rank, with gradient.

    For a loss that every process computes of all rows: averaged over the processes, as
    distributed training does, the gradient is the one of a single process with all rows.
    Outside distributed training the rows themselves.
    """
    if process_count() == 1:
        return rows
    gathered: Tensor = _AllRows.apply(rows, gather_counts(rows, where=where))
    return gathered


def all_labels(labels: Tensor, *, where: str) -> Tensor:
    """[n] of this process -> [N] of every process, by rank."""
    if process_count() == 1:
        return labels
    return gather_rows(labels, gather_counts(labels.unsqueeze(1), where=where))


@contextmanager
def shared_draws(device: torch.device, gathers: bool) -> Iterator[None]:
    """What is drawn at random within is the same in every process, and shifts no generator.

    Args:
        device: that is drawn on.
        gathers: whether all processes see all rows; if not, or outside distributed training,
            nothing is changed.
    """
    if process_count() == 1 or not gathers:
        yield
        return
    seed = torch.randint(2**62, (1,), device=device)
    dist.broadcast(seed, 0)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(seed))
        yield


class _Context(Protocol):
    own: slice


class _AllRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, rows: Tensor, counts: list[int]) -> Tensor:
        start = sum(counts[: process_rank()])
        ctx.own = slice(start, start + len(rows))
        return gather_rows(rows, counts)

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor, None]:
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(gradient)
        return gradient[ctx.own], None
