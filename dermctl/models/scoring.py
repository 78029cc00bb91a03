"""A classifier as ``evaluate`` runs it: embeddings and logits at once, if asked over 8 views."""

from __future__ import annotations

import torch
from torch import nn

from dermctl.models.restore import ImageClassifier

VIEWS = 8
"""Orientations of a square image: four quarter turns, each as it is and mirrored."""


class Scoring(nn.Module):
    """Embeddings and logits side by side: normalised images [B, 3, S, S] -> [B, D + C].

    A model that fuses metadata takes them as a second argument, [B, M].

    Args:
        model: the classifier.
        tta: test-time augmentation. The logits are then the logarithm of the mean probability
            over the 8 orientations (a lesion has no upright one), so that their softmax is that
            mean. The embedding is always that of the image as it stands.
    """

    def __init__(self, model: ImageClassifier, *, tta: bool = False) -> None:
        super().__init__()
        self.model, self.tta = model, tta

    def forward(self, images: torch.Tensor, *metadata: torch.Tensor) -> torch.Tensor:
        """[B, 3, S, S] -> [B, D + C]."""
        embeddings = self.model.encoder(images)
        logits = self.model.classifier(embeddings, *metadata)
        if self.tta:
            logits = self._averaged(images, logits, *metadata)
        return torch.cat([embeddings, logits], dim=1)

    def _averaged(
        self, images: torch.Tensor, upright: torch.Tensor, *metadata: torch.Tensor
    ) -> torch.Tensor:
        views = orientations(images)[1:]
        each = [upright, *(self.model(view, *metadata) for view in views)]
        return torch.stack([logits.float().log_softmax(1) for logits in each]).logsumexp(0)


def orientations(images: torch.Tensor) -> list[torch.Tensor]:
    """The 8 orientations of square images [B, C, S, S], the given one first; no pixel changes."""
    turned = [torch.rot90(images, quarter, (2, 3)) for quarter in range(4)]
    return [*turned, *(view.flip(3) for view in turned)]
