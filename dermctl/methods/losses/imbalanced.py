"""Supervised losses for classes of unequal size: focal, and logit-adjusted cross-entropy."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


class FocalLoss(nn.Module):
    """Multi-class focal loss (arXiv 1708.02002): -w_y (1 - p_y)^γ log p_y.

    Averaged as PyTorch's weighted cross-entropy is, which it equals at γ = 0 (without smoothing).

    Args:
        gamma: γ, at least 0; 2 in the paper.
        weight: [C] class weights, or None.
        label_smoothing: 0..1, the share of each target that is spread over all classes.
    """

    weight: torch.Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        weight: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.gamma, self.label_smoothing = gamma, label_smoothing
        self.register_buffer("weight", weight)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Logits [B, C] and class numbers [B], or shares [B, C], to a scalar."""
        shares = _shares(targets, logits.shape[1], logits.dtype)
        shares = shares * (1 - self.label_smoothing) + self.label_smoothing / logits.shape[1]
        log_p = logits.log_softmax(1)
        weighted = shares if self.weight is None else shares * self.weight
        losses = -weighted * (1 - log_p.exp()) ** self.gamma * log_p
        return losses.sum() / weighted.sum()


class LogitAdjustedLoss(nn.Module):
    """Cross-entropy of logits raised by τ log π_y (arXiv 2007.07314, equation 10).

    π are the class shares of the training images; without them, as in evaluation, the logits then
    stand for balanced classes.

    Args:
        counts: [C] training images of each class, each at least 1.
        tau: τ; 1 in the paper.
        weight: [C] class weights, or None.
        label_smoothing: as in PyTorch's cross-entropy.
    """

    shift: torch.Tensor

    def __init__(
        self,
        counts: torch.Tensor,
        tau: float = 1.0,
        weight: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        shares = counts.double() / counts.sum()
        self.register_buffer("shift", (tau * shares.log()).float())
        self.cross_entropy = nn.CrossEntropyLoss(weight, label_smoothing=label_smoothing)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Logits [B, C] and class numbers [B], or shares [B, C], to a scalar."""
        loss: torch.Tensor = self.cross_entropy(logits + self.shift, targets)
        return loss


def _shares(targets: torch.Tensor, classes: int, dtype: torch.dtype) -> torch.Tensor:
    if targets.ndim == 2:
        return targets.to(dtype)
    return functional.one_hot(targets, classes).to(dtype)
