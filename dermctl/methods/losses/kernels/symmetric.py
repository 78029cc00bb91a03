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


class PairsInTiles:
    """The pairs of 2N keys, summed and pulled apart tile by tile.

    Args:
        tiles: the similarities of the keys.
        sums: how exponentials are summed.
        chunk: side of a tile.
        keep: keep the tiles, which saves ``pull_apart`` from computing them again.
    """

    def __init__(
        self, tiles: SimilarityTiles, sums: SoftmaxSums, *, chunk: int, keep: bool
    ) -> None:
        self.tiles = tiles
        self.sums = sums
        self.chunk = chunk
        self.keep = keep
        self.kept: list[Tensor] = []

    def excess(self) -> Tensor:
        """[2N] log of the negatives' sum of exponentials over the positive's exponential."""
        positives = self.tiles.positives()
        state = self.sums.start(positives)
        for rows, columns, tile in self._each():
            self.sums.add(state[:, rows], tile, dim=1)
            if columns != rows:
                self.sums.add(state[:, columns], tile, dim=0)
            if self.keep:
                self.kept.append(tile)
        self.normalisers = self.sums.normalisers(state, positives)
        return self.sums.logarithm(state).sub_(positives)

    def pull_apart(self, both_miss: Tensor, *, scale: float) -> Tensor:
        """[2N, D] the gradient of the keys: away from negatives, towards positives.

        Args:
            both_miss: [N] the softmax shares of negatives, added up over an image's two views.
            scale: what the gradient is multiplied by.
        """
        keys, n = self.tiles.keys, self.tiles.images
        pull = torch.zeros_like(keys)
        for rows, columns, tile in self._each():
            by_row, by_column = self.normalisers[:, rows], self.normalisers[:, columns]
            weights = self.sums.weights(tile, by_row, by_column)
            pull[rows].addmm_(weights, keys[columns], alpha=scale)
            if columns != rows:
                pull[columns].addmm_(weights.t(), keys[rows], alpha=scale)
        pull[:n].addcmul_(keys[n:], both_miss.unsqueeze(1), value=-scale)
        pull[n:].addcmul_(keys[:n], both_miss.unsqueeze(1), value=-scale)
        return pull

    def _each(self) -> Iterator[tuple[slice, slice, Tensor]]:
        """Ranges of rows and columns, and the tile; without ``keep`` valid until the next one."""
        parts = upper_half(len(self.tiles.keys), self.chunk)
        if self.kept:
            for (rows, columns), tile in zip(parts, self.kept, strict=True):
                yield rows, columns, tile
            return
        memory = None if self.keep else self.tiles.memory(self.chunk)
        for rows, columns in parts:
            yield rows, columns, self.sums.prepare(self.tiles.negatives(rows, columns, memory))
