"""Late fusion: a classifier over an image's embedding and its metadata side by side."""

from __future__ import annotations

import torch
from torch import nn


class FusionClassifier(nn.Linear):
    """Embeddings [B, D] and metadata [B, M] -> logits [B, C]: one linear layer over both.

    Started like ``dermctl.models.heads.Classifier``: the first prediction is nearly uniform.
    """

    def __init__(self, in_dim: int, metadata_dim: int, classes: int) -> None:
        super().__init__(in_dim + metadata_dim, classes)
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)

    def forward(self, embeddings: torch.Tensor, metadata: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """[B, D] and [B, M] -> [B, C]."""
        return super().forward(torch.cat([embeddings, metadata.to(embeddings.dtype)], dim=1))
