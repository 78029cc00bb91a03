"""Sums over the pairs of some images with all images, and the gradient of those images.

A process owns some of the 2N keys. It sums over its own rows of the similarity matrix; given
everybody's sums, it has its own rows of the gradient without a word to the others, for the
weight of a pair is the softmax by its row plus, by symmetry, the softmax by its column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dermctl.methods.losses.kernels.softmax_sums import SoftmaxSums
from dermctl.methods.losses.kernels.tiles import SimilarityTiles, spans


@dataclass(frozen=True)
class OwnRows:
    """The keys of one process among those of all.

    Attributes:
        start: the first of its images.
        count: n, how many images it has.
        images: N, how many all have.
    """

    start: int
    count: int
    images: int

    def of(self, keys: Tensor) -> Tensor:
        """[2N, ...] -> [2n, ...], the own rows: view 0, then view 1."""
        view1 = self.images + self.start
        return torch.cat(
            [keys[self.start : self.start + self.count], keys[view1 : view1 + self.count]]
        )

    def tiles(self, chunk: int) -> Iterator[tuple[slice, slice, slice]]:
        """Ranges of (own rows, the same rows among all, columns), over all own pairs."""
        for view in (0, 1):
            own, among_all = view * self.count, view * self.images + self.start
            for part in spans(0, self.count, chunk):
                rows = slice(own + part.start, own + part.stop)
                keys = slice(among_all + part.start, among_all + part.stop)
                for columns in spans(0, 2 * self.images, chunk):
                    yield rows, keys, columns


def sum_own_negatives(
    tiles: SimilarityTiles,
    sums: SoftmaxSums,
    positives: Tensor,
    own: OwnRows,
    *,
    chunk: int,
    keep: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Sum exp(logit) over the negatives of the own keys.

    Args:
        tiles: the similarities of all 2N keys.
        sums: how exponentials are summed.
        positives: [2n] the own keys' logits with their positives.
        own: which keys are one's own.
        chunk: side of a tile.
        keep: return the tiles, which saves the gradient from computing them again.

    Returns:
        The state [k, 2n] of the sums, and the tiles in order (none unless ``keep``).
    """
    state = sums.start(positives)
    kept = []
    memory = None if keep else tiles.memory(chunk)
    for rows, keys, columns in own.tiles(chunk):
        tile = sums.prepare(tiles.negatives(keys, columns, memory))
        sums.add(state[:, rows], tile, dim=1)
        if keep:
            kept.append(tile)
    return state, kept


def pull_own_from_negatives(
    tiles: SimilarityTiles,
    sums: SoftmaxSums,
    normalisers: Tensor,
    own: OwnRows,
    *,
    chunk: int,
    kept: list[Tensor],
) -> Tensor:
    """[2n, D] the own keys' negatives weighted by softmax.

    Args:
        tiles: the similarities of all 2N keys.
        sums: how exponentials were summed.
        normalisers: [k, 2N] everybody's, of ``sums``.
        own: which keys are one's own.
        chunk: side of a tile.
        kept: the tiles in order, or none: they are computed again.
    """
    pull = tiles.keys.new_zeros(2 * own.count, tiles.keys.shape[1])
    memory = None if kept else tiles.memory(chunk)
    for number, (rows, keys, columns) in enumerate(own.tiles(chunk)):
        tile = kept[number] if kept else sums.prepare(tiles.negatives(keys, columns, memory))
        weights = sums.weights(tile, normalisers[:, keys], normalisers[:, columns])
        pull[rows].addmm_(weights, tiles.keys[columns])
    return pull
