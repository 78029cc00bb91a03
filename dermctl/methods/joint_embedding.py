"""SimCLR, SupCon, VICReg, Barlow Twins: one encoder embeds two views, the loss compares them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dermctl.checkpoint import Description
from dermctl.methods.in_parts import embed_in_parts
from dermctl.methods.losses.gather import equal_shares
from dermctl.methods.module import TrainedModule
from dermctl.views.normalization import to_float


class JointEmbedding(TrainedModule):
    """Trains an encoder and a projector; both views go through in one forward pass.

    Args:
        encoder: images [B, 3, H, W] -> embeddings [B, D].
        projector: [B, D] -> [B, P].
        loss: (z0 [B, P], z1 [B, P], groups [B] or None) -> scalar; or (rows [2B, P], labels [2B],
            and groups [2B] where the batch has some).
        about: what is written into checkpoints.
        labelled: whether the loss is of the second kind.
        micro_batch: images whose views go through the encoder at once; 0: all of the batch. The
            projector and the loss see the whole batch in any case.
        optimizer: see ``TrainedModule``.
    """

    micro_batch: int

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        loss: nn.Module,
        about: Description,
        *,
        labelled: bool = False,
        micro_batch: int = 0,
        **optimizer: Any,
    ) -> None:
        super().__init__(about, **optimizer)
        self.encoder = encoder
        self.projector = projector
        self.loss = loss
        self._labelled, self.micro_batch = labelled, micro_batch

    def forward(self, pixels: Tensor) -> Tensor:
        """uint8 images [R, S, S, 3] -> embeddings [R, D]."""
        embeddings: Tensor = self.encoder(to_float(pixels, self.mean, self.std))
        return embeddings

    def _compared(self, batch: dict[str, Tensor]) -> Tensor:
        """The loss of a batch."""
        views = batch["views"].flatten(0, 1)  # [2 B, S, S, 3] uint8
        if 0 < self.micro_batch < len(views) // 2:
            rows = 2 * self.micro_batch
            embeddings = embed_in_parts(self.forward, views, rows, encoder=self.encoder)
        else:
            embeddings = self.forward(views)
        projections = self.projector(embeddings)
        value: Tensor
        if self._labelled:
            known = [batch[name].repeat(2) for name in ("labels", "groups") if name in batch]
            value = self.loss(projections, *known)
        else:
            value = self.loss(*projections.chunk(2), batch.get("groups"))
        return value

    def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
        """One step on ``views`` [2, B, S, S, 3], and ``labels`` or ``groups`` [B] where there are.

        What is logged is the loss of all images of the step, whatever number of processes and
        parts they were shared out to.
        """
        with equal_shares():
            loss = self._compared(batch)
        self.log_step("train/loss", loss, batch_size=batch["views"].shape[1])
        return loss

    def validation_step(self, batch: dict[str, Tensor], _: int) -> None:
        """The same loss on images that are not trained on."""
        images = self._of_all_processes(batch["views"].shape[1])
        if images > 1:  # a last batch of one image has no negatives
            with torch.no_grad():
                self.log_epoch("val/loss", self._compared(batch), batch_size=images)

    def _of_all_processes(self, images: int) -> int:
        """The images of a step: Lightning's mean over processes of unequal numbers is cut off."""
        if self.trainer.world_size == 1:
            return images
        own = torch.tensor(float(images), device=self.device)
        return round(float(self.trainer.strategy.reduce(own, reduce_op="sum")))
