"""NT-Xent of the images of one process, as one differentiable function."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from dermctl.methods.losses.kernels.softmax_sums import SoftmaxSums, softmax_sums
from dermctl.methods.losses.kernels.symmetric import pull_from_negatives, sum_negatives
from dermctl.methods.losses.kernels.tiles import SimilarityTiles, worth_keeping
from dermctl.methods.losses.kernels.unit_rows import unit_rows, unit_rows_backward
from dermctl.methods.losses.precision import full_precision, working_dtype


class _Context(Protocol):
    tiles: SimilarityTiles
    sums: SoftmaxSums
    kept: list[Tensor]
    chunk: int
    dtypes: tuple[torch.dtype, torch.dtype]
    needs_input_grad: tuple[bool, ...]
    saved_tensors: tuple[Tensor, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class NTXentOfOneProcess(torch.autograd.Function):
    """(z0 [N, D], z1 [N, D], groups [N] or None, temperature, chunk) -> mean loss.

    A row's loss is -log(p / (p + n)) with p its exponential for the positive and n their sum for
    the negatives. Written as log(1 + n / p) it stays accurate when the positive dominates.
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
        """Compute the loss; small batches keep their tiles for the gradient."""
        with full_precision(z0.device):
            keys, inverse_length = unit_rows(torch.cat([z0, z1]).to(working_dtype(z0, z1)))
            tiles = SimilarityTiles(keys, temperature, None if groups is None else groups.repeat(2))
            sums = softmax_sums(temperature)
            positives = tiles.positives()
            keep = any(ctx.needs_input_grad) and worth_keeping(len(keys), len(keys), chunk)
            state, kept = sum_negatives(tiles, sums, positives, chunk=chunk, keep=keep)
            excess = sums.logarithm(state).sub_(positives)
            loss = torch.logaddexp(excess, torch.zeros_like(excess)).mean()
            ctx.save_for_backward(
                sums.with_positives(state, positives), excess.sigmoid(), inverse_length
            )
        ctx.tiles, ctx.sums, ctx.kept, ctx.chunk = tiles, sums, kept, chunk
        ctx.dtypes = z0.dtype, z1.dtype
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Pull keys away from negatives and towards positives, by their softmax weights."""
        state, miss, inverse_length = ctx.saved_tensors
        tiles, n = ctx.tiles, ctx.tiles.images
        with full_precision(tiles.keys.device):
            gradient = pull_from_negatives(tiles, ctx.sums, state, chunk=ctx.chunk, kept=ctx.kept)
            both_miss = (miss[:n] + miss[n:]).unsqueeze(1)
            gradient[:n].addcmul_(tiles.keys[n:], both_miss, value=-1)
            gradient[n:].addcmul_(tiles.keys[:n], both_miss, value=-1)
            gradient.mul_(upstream / (tiles.temperature * 2 * n))
            gradient = unit_rows_backward(gradient, tiles.keys, inverse_length)
        return gradient[:n].to(ctx.dtypes[0]), gradient[n:].to(ctx.dtypes[1]), None, None, None
