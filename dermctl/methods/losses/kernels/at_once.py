"""All pairs as one tile: the fewest operations, for those are what a small batch waits for.

With a batch of some hundred rows a GPU is done in microseconds, and to start an operation takes
as long.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dermctl.methods.losses.kernels.softmax_sums import exponentials_are_safe
from dermctl.methods.losses.kernels.tiles import SimilarityTiles, logits_between


class PairsAtOnce:
    """The pairs of 2N keys in one piece; see ``symmetric.PairsInTiles`` for what it gives.

    Where exponentials of logits could overflow, the greatest of a row is taken off its logits.
    """

    def __init__(self, tiles: SimilarityTiles) -> None:
        self.keys = tiles.keys
        self.tiles = tiles
        self.rows_are_shifted = not exponentials_are_safe(tiles.temperature)

    def excess(self) -> Tensor:
        """[2N] log of the negatives' sum of exponentials over the positive's exponential."""
        logits, positives = self._logits(), self.tiles.positives()
        if self.rows_are_shifted:
            greatest = torch.maximum(logits.amax(dim=1), positives)
            logits.sub_(greatest.unsqueeze(1))
            positives.sub_(greatest)
        self.exponentials = logits.exp_()
        self.negatives, self.positives = self.exponentials.sum(dim=1), positives
        return self.negatives.log().sub_(positives)

    def pull_apart(self, both_miss: Tensor, *, scale: float) -> Tensor:
        """[2N, D] the gradient of the keys, but for what points along a key: that is arbitrary."""
        weights = self._weights()
        of_one_image(weights).sub_(both_miss)  # of a key with itself too: that is along the key
        return torch.addmm(self.keys, weights, self.keys, beta=0, alpha=scale)

    def _logits(self) -> Tensor:
        """[2N, 2N] those of the negatives, -inf elsewhere."""
        logits = logits_between(self.keys, self.keys, self.tiles.temperature)
        groups = self.tiles.groups
        if groups is None:
            of_one_image(logits).fill_(-torch.inf)
        else:
            logits.masked_fill_(groups.unsqueeze(1) == groups, -torch.inf)
        return logits

    def _weights(self) -> Tensor:
        """Softmax by row plus softmax by column, [2N, 2N]."""
        both = self.positives.exp().add_(self.negatives)
        if self.rows_are_shifted:
            by_row = self.exponentials.div_(both.unsqueeze(1))
            return by_row + by_row.t()
        inverse = both.reciprocal_()  # as the exponentials are symmetric
        return (inverse.unsqueeze(1) + inverse).mul_(self.exponentials)


def of_one_image(pairs: Tensor) -> Tensor:
    """[2N, 2N] of all keys -> [2, 2, N], each image with itself: view of row, of column, image."""
    n = len(pairs) // 2
    return pairs.view(2, n, 2, n).diagonal(dim1=1, dim2=3)
