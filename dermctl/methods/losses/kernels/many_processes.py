"""NT-Xent of the images of all processes, as one differentiable function."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dermctl.methods.losses.checks import check_at_least_two
from dermctl.methods.losses.gather import gather_counts, gather_views, process_rank
from dermctl.methods.losses.kernels.gathered import (
    OwnRows,
    pull_own_from_negatives,
    sum_own_negatives,
)
from dermctl.methods.losses.kernels.softmax_sums import SoftmaxSums, softmax_sums
from dermctl.methods.losses.kernels.tiles import SimilarityTiles, worth_keeping
from dermctl.methods.losses.kernels.unit_rows import unit_rows, unit_rows_backward
from dermctl.methods.losses.precision import full_precision, working_dtype


class _Context(Protocol):
    tiles: SimilarityTiles
    sums: SoftmaxSums
    own: OwnRows
    kept: list[Tensor]
    chunk: int
    processes: int
    dtypes: tuple[torch.dtype, torch.dtype]
    needs_input_grad: tuple[bool, ...]
    saved_tensors: tuple[Tensor, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class NTXentOfManyProcesses(torch.autograd.Function):
    """(z0 [n, D], z1 [n, D], groups [n] or None, temperature, chunk) -> mean loss of all images.

    Every process gets the same loss: the one that a single process would have of all images.
    Distributed training averages gradients over the processes, where that single process would
    sum over its images; so each process gets its own rows of the gradient times their number.
    """

    @staticmethod
    def forward(
        ctx: _Context,
        z0: Tensor,
        z1: Tensor,
        groups: Tensor | None,
        temperature: float,
        chunk: int,
    ) -> Tensor:
        """Gather all keys, sum over the own rows, gather the sums."""
        counts = gather_counts(z0, where="nt_xent")
        check_at_least_two(sum(counts), where="nt_xent")
        own = OwnRows(sum(counts[: process_rank()]), len(z0), sum(counts))
        with full_precision(z0.device):
            own_keys, inverse_length = unit_rows(torch.cat([z0, z1]).to(working_dtype(z0, z1)))
            keys = gather_views(own_keys, counts)
            all_groups = None if groups is None else gather_views(groups.repeat(2), counts)
            tiles = SimilarityTiles(keys, temperature, all_groups)
            sums = softmax_sums(temperature)
            positives = own.of(tiles.positives())
            keep = any(ctx.needs_input_grad) and worth_keeping(len(own_keys), len(keys), chunk)
            state, kept = sum_own_negatives(tiles, sums, positives, own, chunk=chunk, keep=keep)
            excess = sums.logarithm(state).sub_(positives)
            loss = torch.logaddexp(excess, torch.zeros_like(excess))
            state = sums.with_positives(state, positives)
            of_all = gather_views(torch.stack([loss, excess.sigmoid(), *state], dim=1), counts).t()
            ctx.save_for_backward(of_all[1], of_all[2:].contiguous(), inverse_length)
        ctx.tiles, ctx.sums, ctx.own, ctx.kept, ctx.chunk = tiles, sums, own, kept, chunk
        ctx.processes, ctx.dtypes = len(counts), (z0.dtype, z1.dtype)
        return of_all[0].mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Pull own keys away from all negatives and towards positives; nothing is sent."""
        miss, state, inverse_length = ctx.saved_tensors
        tiles, own = ctx.tiles, ctx.own
        with full_precision(tiles.keys.device):
            gradient = pull_own_from_negatives(
                tiles, ctx.sums, state, own, chunk=ctx.chunk, kept=ctx.kept
            )
            both_miss = own.of(miss + miss.roll(own.images)).unsqueeze(1)
            own_keys = own.of(tiles.keys)
            gradient.addcmul_(own_keys.roll(own.count, dims=0), both_miss, value=-1)
            gradient.mul_(upstream * ctx.processes / (tiles.temperature * len(tiles.keys)))
            gradient = unit_rows_backward(gradient, own_keys, inverse_length)
        n = own.count
        return gradient[:n].to(ctx.dtypes[0]), gradient[n:].to(ctx.dtypes[1]), None, None, None
