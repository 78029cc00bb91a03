"""NT-Xent of the images of all processes."""

from __future__ import annotations

import torch
from torch import Tensor

from dermctl.methods.losses.checks import check_at_least_two
from dermctl.methods.losses.gather import gather_counts, gather_views, process_rank
from dermctl.methods.losses.kernels.gathered import (
    OwnRows,
    pull_own_from_negatives,
    sum_own_negatives,
)
from dermctl.methods.losses.kernels.softmax_sums import log_one_plus_exp, softmax_sums
from dermctl.methods.losses.kernels.tiles import SimilarityTiles, worth_keeping
from dermctl.methods.losses.kernels.unit_rows import unit_rows, unit_rows_backward
from dermctl.methods.losses.precision import full_precision, working_dtype


def nt_xent_of_many_processes(
    z0: Tensor,
    z1: Tensor,
    *,
    groups: Tensor | None,
    temperature: float,
    chunk: int,
    with_gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Own views [n, D] -> (mean loss of all images, gradient [2n, D] of own view 0, then view 1).

    Every process gets the same loss: the one that a single process would have of all images.
    Distributed training averages gradients over the processes, where that single process would
    sum over its images; so each process gets its own rows of the gradient times their number.
    All that is sent is sent here, and going back needs none of it.

    Args and returns otherwise as of ``nt_xent_of_one_process``.
    """
    counts = gather_counts(z0, where="nt_xent")
    check_at_least_two(sum(counts), where="nt_xent")
    own = OwnRows(sum(counts[: process_rank()]), len(z0), sum(counts))
    with full_precision(z0.device):
        own_keys, length = unit_rows(torch.cat([z0, z1]).to(working_dtype(z0, z1)))
        keys = gather_views(own_keys, counts)
        all_groups = None if groups is None else gather_views(groups.repeat(2), counts)
        tiles = SimilarityTiles(keys, temperature, all_groups)
        sums = softmax_sums(temperature)
        positives = own.of(tiles.positives())
        keep = with_gradient and worth_keeping(len(own_keys), len(keys), chunk)
        state, kept = sum_own_negatives(tiles, sums, positives, own, chunk=chunk, keep=keep)
        excess = sums.logarithm(state).sub_(positives)
        normalisers = sums.normalisers(state, positives)
        own_sums = torch.stack([log_one_plus_exp(excess), excess.sigmoid_(), *normalisers], dim=1)
        of_all = gather_views(own_sums, counts).t().contiguous()
        loss, misses, normalisers = of_all[0].mean(), of_all[1], of_all[2:]
        if not with_gradient:
            return loss, None
        gradient = pull_own_from_negatives(tiles, sums, normalisers, own, chunk=chunk, kept=kept)
        both_miss = own.of(misses + misses.roll(own.images)).unsqueeze(1)
        gradient.addcmul_(own_keys.roll(own.count, dims=0), both_miss, value=-1)
        gradient.mul_(len(counts) / (temperature * len(keys)))
        return loss, unit_rows_backward(gradient, own_keys, length)
