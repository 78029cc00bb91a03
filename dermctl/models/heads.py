"""Heads on an encoder: the projector of SimCLR and the linear classifier."""

from __future__ import annotations

import torch
from torch import nn


class Projector(nn.Module):
    """Two-layer perceptron g(·) of SimCLR (arXiv 2002.05709, section 2.1): [B, D] -> [B, P].

    LayerNorm stands by default where the paper has BatchNorm, so that the output for an image does
    not depend on the others in its batch: the loss is then the same over any number of devices.

    Args:
        in_dim: D.
        hidden_dim: width between the two layers.
        out_dim: P.
        norm: ``layer`` or ``batch``.
    """

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int, *, norm: str = "layer") -> None:
        super().__init__()
        kind = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d}[norm]
        self.layers = nn.Sequential(
            nn.Linear(in_dim, hidden_dim, bias=False),
            kind(hidden_dim),
            nn.GELU(),
            nn.Linear(hidden_dim, out_dim, bias=False),
        )

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """[B, D] -> [B, P]."""
        projected: torch.Tensor = self.layers(embeddings)
        return projected


class Classifier(nn.Linear):
    """Linear classifier, started at zero as timm does not: [B, D] -> logits [B, C].

    Weights drawn with a standard deviation of 0.01 and a bias of zero make the first
    prediction nearly uniform, whatever the scale of the embeddings.
    """

    def __init__(self, in_dim: int, classes: int) -> None:
        super().__init__(in_dim, classes)
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)
