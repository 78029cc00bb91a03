"""SimCLR: two views of one image attract, views of different images repel (arXiv 2002.05709)."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dermctl.checkpoint import Description
from dermctl.methods.module import TrainedModule
from dermctl.views.normalization import to_float


class SimCLR(TrainedModule):
    """Trains an encoder and a projector; both views go through in one forward pass.

    Args:
        encoder: images [B, 3, H, W] -> embeddings [B, D].
        projector: [B, D] -> [B, P].
        loss: (z0 [B, P], z1 [B, P]) -> scalar.
        about: what is written into checkpoints.
        optimizer: see ``TrainedModule``.
    """

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        loss: nn.Module,
        about: Description,
        **optimizer: Any,
    ) -> None:
        super().__init__(about, **optimizer)
        self.encoder = encoder
        self.projector = projector
        self.loss = loss

    def _contrast(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        views = batch["views"]  # [2, B, S, S, 3] uint8
        images = to_float(views.flatten(0, 1), self.mean, self.std)
        z0, z1 = self.projector(self.encoder(images)).chunk(2)
        value: torch.Tensor = self.loss(z0, z1)
        return value

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        """One step on ``views`` [2, B, S, S, 3]."""
        loss = self._contrast(batch)
        self.log_step("train/loss", loss, batch_size=batch["views"].shape[1])
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        """The same loss on images that are not trained on."""
        images = batch["views"].shape[1]
        if images * self.trainer.world_size > 1:  # a last batch of one image has no negatives
            self.log_epoch("val/loss", self._contrast(batch), batch_size=images)
