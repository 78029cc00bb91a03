"""A weighted nearest-neighbour classifier over embeddings, as a module."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_FLOOR = 1e-6
"""Share of the votes that a class without a neighbour gets: its probability is never zero."""


class NearestNeighbours(nn.Module):
    """Embeddings [B, D] -> log-probabilities [B, C] by a vote of the k nearest training images.

    Cosine similarity s, weights exp(s / τ): the classifier of Wu et al. 2018 (arXiv 1805.01978),
    section 3.4, with the prior of the classes evened out where asked.

    Args:
        bank: [N, D] training embeddings.
        votes: [N, C] what each training image votes for: one-hot rows, scaled by class weights.
        k: neighbours that vote, at most N.
        temperature: τ; 0.07 in the paper.
    """

    bank: torch.Tensor
    votes: torch.Tensor

    def __init__(
        self, bank: torch.Tensor, votes: torch.Tensor, *, k: int, temperature: float = 0.07
    ) -> None:
        super().__init__()
        self.k, self.temperature = k, temperature
        self.register_buffer("bank", functional.normalize(bank, dim=1))
        self.register_buffer("votes", votes)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """[B, D] -> [B, C]."""
        similarity = functional.normalize(embeddings, dim=1) @ self.bank.T
        nearest, places = similarity.topk(self.k, dim=1)
        weights = ((nearest - nearest[:, :1]) / self.temperature).exp()
        counted = (weights.unsqueeze(2) * self.votes[places]).sum(1)
        shares = counted / counted.sum(1, keepdim=True)
        return ((shares + _FLOOR) / (1 + _FLOOR * shares.shape[1])).log()
