"""NT-Xent of the images of one process."""

from __future__ import annotations

import torch
from torch import Tensor

from dermctl.methods.losses.kernels.at_once import PairsAtOnce
from dermctl.methods.losses.kernels.softmax_sums import log_one_plus_exp, softmax_sums
from dermctl.methods.losses.kernels.symmetric import PairsInTiles
from dermctl.methods.losses.kernels.tiles import SimilarityTiles, worth_keeping
from dermctl.methods.losses.kernels.unit_rows import unit_rows, unit_rows_backward
from dermctl.methods.losses.precision import full_precision, working_dtype


def nt_xent_of_one_process(
    z0: Tensor,
    z1: Tensor,
    *,
    groups: Tensor | None,
    temperature: float,
    chunk: int,
    with_gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Two views [N, D] -> (mean loss, its gradient [2N, D] of view 0, then of view 1).

    A row's loss is -log(p / (p + n)) with p its exponential for the positive and n their sum for
    the negatives. Written as log(1 + n / p) it stays accurate when the positive dominates.

    Args:
        z0: projections of view 0.
        z1: projections of view 1 of the same images.
        groups: [N]; other images of an image's group are not its negatives.
        temperature: what cosine similarities are divided by.
        chunk: side of a tile of similarities.
        with_gradient: without, the gradient is None.
    """
    with full_precision(z0.device):
        keys, length = unit_rows(torch.cat([z0, z1]).to(working_dtype(z0, z1)))
        if groups is not None:
            groups = torch.cat([groups, groups])
        tiles = SimilarityTiles(keys, temperature, groups)
        pairs: PairsAtOnce | PairsInTiles
        if len(keys) <= chunk:
            pairs = PairsAtOnce(tiles)
        else:
            keep = with_gradient and worth_keeping(len(keys), len(keys), chunk)
            pairs = PairsInTiles(tiles, softmax_sums(temperature), chunk=chunk, keep=keep)
        excess = pairs.excess()
        loss = log_one_plus_exp(excess).mean()
        if not with_gradient:
            return loss, None
        both_miss = excess.sigmoid_().view(2, -1).sum(dim=0)
        gradient = pairs.pull_apart(both_miss, scale=1 / (temperature * len(keys)))
        return loss, unit_rows_backward(gradient, keys, length)
