"""Sums over all pairs, and their gradient, from the upper half of the similarity matrix.

With S symmetric, tile (a, c) serves rows a and, transposed, rows c: half the products and
exponentials of the forward pass, and a third fewer products over both passes.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dermctl.methods.losses.kernels.softmax_sums import SoftmaxSums
from dermctl.methods.losses.kernels.tiles import SimilarityTiles, spans


def upper_half(keys: int, chunk: int) -> Iterator[tuple[slice, slice]]:
    """Ranges (rows, columns) of the tiles on and above the diagonal."""
    for rows in spans(0, keys, chunk):
        for columns in spans(rows.start, keys, chunk):
            yield rows, columns


def sum_negatives(
    tiles: SimilarityTiles, sums: SoftmaxSums, positives: Tensor, *, chunk: int, keep: bool
) -> tuple[Tensor, list[Tensor]]:
    """Sum exp(logit) over the negatives of every key.

    Args:
        tiles: the similarities of 2N keys.
        sums: how exponentials are summed.
        positives: [2N] each key's logit with its positive.
        chunk: side of a tile.
        keep: return the tiles, which saves the gradient from computing them again.

    Returns:
        The state [k, 2N] of the sums, and the tiles in order (none unless ``keep``).
    """
    state = sums.start(positives)
    kept = []
    memory = None if keep else tiles.memory(chunk)
    for rows, columns in upper_half(len(tiles.keys), chunk):
        tile = sums.prepare(tiles.negatives(rows, columns, memory))
        sums.add(state[:, rows], tile, dim=1)
        if columns != rows:
            sums.add(state[:, columns], tile, dim=0)
        if keep:
            kept.append(tile)
    return state, kept


def pull_from_negatives(
    tiles: SimilarityTiles, sums: SoftmaxSums, state: Tensor, *, chunk: int, kept: list[Tensor]
) -> Tensor:
    """[2N, D] keys weighted by softmax: how the negatives enter the gradient of the summed loss.

    Args:
        tiles: the similarities of 2N keys.
        sums: how exponentials were summed.
        state: [k, 2N] the denominators: negatives and positive.
        chunk: side of a tile.
        kept: the tiles in order, or none: they are computed again.
    """
    keys = tiles.keys
    pull = torch.zeros_like(keys)
    memory = None if kept else tiles.memory(chunk)
    for number, (rows, columns) in enumerate(upper_half(len(keys), chunk)):
        tile = kept[number] if kept else sums.prepare(tiles.negatives(rows, columns, memory))
        weights = sums.weights(tile, state[:, rows], state[:, columns])
        pull[rows].addmm_(weights, keys[columns])
        if columns != rows:
            pull[columns].addmm_(weights.t(), keys[rows])
    return pull
