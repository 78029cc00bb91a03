"""Two ways to sum exp(logit) tile by tile, and to turn the sums into softmax weights.

A state [k, R] holds what a summation knows of R rows so far. States of rows and of columns look
alike, for the matrix of similarities is symmetric.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

LARGEST_PLAIN_LOGIT = 50.0
"""exp of ±50 and sums of millions of them stay well inside float32 (exp(88) is its end)."""


class SoftmaxSums(Protocol):
    """How a sum of exponentials is kept."""

    def start(self, positives: Tensor) -> Tensor:
        """Positive logits [R] -> the state [k, R] of R rows without any negative."""

    def prepare(self, logits: Tensor) -> Tensor:
        """Logits -> the form of a tile that the other methods take; may reuse its memory."""

    def add(self, state: Tensor, tile: Tensor, *, dim: int) -> None:
        """Sum a tile over its columns (``dim=1``) or rows (``dim=0``) into ``state``."""

    def logarithm(self, state: Tensor) -> Tensor:
        """State [k, R] -> log-sum-exp [R]."""

    def with_positives(self, state: Tensor, positives: Tensor) -> Tensor:
        """State of the negatives, positive logits [R] -> state of both: softmax's denominator."""

    def weights(self, tile: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Softmax by row plus softmax by column of a tile [r, c]; the tile stays as it is."""


class PlainSums:
    """Sums exp(logit) itself: one exponential an entry, for logits that cannot overflow.

    A tile holds exponentials; a state is the sum, [1, R].
    """

    def start(self, positives: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return positives.new_zeros(1, len(positives))

    def prepare(self, logits: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return logits.exp_()

    def add(self, state: Tensor, tile: Tensor, *, dim: int) -> None:
        """See ``SoftmaxSums``."""
        state[0].add_(tile.sum(dim))

    def logarithm(self, state: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return state[0].log()

    def with_positives(self, state: Tensor, positives: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return state + positives.exp()

    def weights(self, tile: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        inverse = rows[0].reciprocal().unsqueeze(1) + columns[0].reciprocal()
        return inverse.mul_(tile)


class RunningMaximumSums:
    """Sums exp(logit - maximum so far): right for any temperature, twice the exponentials.

    A tile holds logits; a state is the maximum and the sum relative to it, [2, R]. The maximum
    starts from the positive, which keeps it finite where every negative is masked.
    """

    def start(self, positives: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return torch.stack([positives, torch.zeros_like(positives)])

    def prepare(self, logits: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return logits

    def add(self, state: Tensor, tile: Tensor, *, dim: int) -> None:
        """See ``SoftmaxSums``."""
        maximum, total = state
        higher = torch.maximum(maximum, tile.amax(dim))
        total.mul_((maximum - higher).exp_())
        total.add_((tile - higher.unsqueeze(dim)).exp_().sum(dim))
        maximum.copy_(higher)

    def logarithm(self, state: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return state[0] + state[1].log()

    def with_positives(self, state: Tensor, positives: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        maximum, total = state
        return torch.stack([maximum, total + (positives - maximum).exp_()])

    def weights(self, tile: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        by_row = (tile - rows[0].unsqueeze(1)).exp_().div_(rows[1].unsqueeze(1))
        by_column = (tile - columns[0]).exp_().div_(columns[1])
        return by_row.add_(by_column)


def softmax_sums(temperature: float) -> SoftmaxSums:
    """The cheapest summation that is safe for cosine similarities over ``temperature``."""
    return PlainSums() if 1 / temperature <= LARGEST_PLAIN_LOGIT else RunningMaximumSums()
