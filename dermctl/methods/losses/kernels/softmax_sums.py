"""Two ways to sum exp(logit) tile by tile, and to turn the sums into softmax weights.

A state [k, R] holds what a summation knows of R rows so far. States of rows and of columns look
alike, for the matrix of similarities is symmetric.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

LARGEST_PLAIN_LOGIT = 50.0
"""exp of ±50 and sums of millions of them stay well inside float32 (exp(88) is its end)."""

NEGLIGIBLE_ONE = 40.0
"""1 + exp(40) is exp(40) in float64 too: from here on log(1 + exp(x)) is x."""


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

    def normalisers(self, state: Tensor, positives: Tensor) -> Tensor:
        """State of the negatives, positive logits [R] -> [k, R] what turns exp into softmax."""

    def weights(self, tile: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Softmax by row plus softmax by column of a tile [r, c]; the tile stays as it is.

        Args:
            tile: in the form of ``prepare``.
            rows: normalisers [k, r] of the rows.
            columns: normalisers [k, c] of the columns.
        """


class PlainSums:
    """Sums exp(logit) itself: one exponential an entry, for logits that cannot overflow.

    A tile holds exponentials; a state is the sum, [1, R], a normaliser the inverse of the sum
    with the positive.
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

    def normalisers(self, state: Tensor, positives: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return (state + positives.exp()).reciprocal_()

    def weights(self, tile: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        return (rows[0].unsqueeze(1) + columns[0]).mul_(tile)


class RunningMaximumSums:
    """Sums exp(logit - maximum so far): right for any temperature, twice the exponentials.

    A tile holds logits; a state is the maximum and the sum relative to it, [2, R], a normaliser
    the maximum and the inverse of the sum with the positive. The maximum starts from the
    positive, which keeps it finite where every negative is masked.
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

    def normalisers(self, state: Tensor, positives: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        maximum, total = state
        return torch.stack([maximum, (positives - maximum).exp_().add_(total).reciprocal_()])

    def weights(self, tile: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """See ``SoftmaxSums``."""
        by_row = (tile - rows[0].unsqueeze(1)).exp_().mul_(rows[1].unsqueeze(1))
        by_column = (tile - columns[0]).exp_().mul_(columns[1])
        return by_row.add_(by_column)


def softmax_sums(temperature: float) -> SoftmaxSums:
    """The cheapest summation that is safe for cosine similarities over ``temperature``."""
    return PlainSums() if exponentials_are_safe(temperature) else RunningMaximumSums()


def exponentials_are_safe(temperature: float) -> bool:
    """Whether exp of a cosine similarity over ``temperature``, and sums of it, are in range."""
    return 1 / temperature <= LARGEST_PLAIN_LOGIT


def log_one_plus_exp(x: Tensor) -> Tensor:
    """log(1 + exp(x)), accurate for any x from -inf on."""
    return F.softplus(x, threshold=NEGLIGIBLE_ONE)
