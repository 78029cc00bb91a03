"""Supervised training of encoder and classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from dermctl.checkpoint import Description
from dermctl.methods.layer_decay import layer_decay_groups
from dermctl.methods.mixing import Mixing
from dermctl.methods.module import TrainedModule
from dermctl.metrics.scores import accuracy, auroc, balanced_accuracy
from dermctl.views.normalization import to_float


class Supervised(TrainedModule):
    """Trains encoder and classifier on labelled images.

    Args:
        encoder: images [B, 3, H, W] -> embeddings [B, D].
        classifier: [B, D] -> logits [B, C]; where batches have metadata [B, M], it takes them too.
        about: what is written into checkpoints; its classes are the order of the logits.
        loss: of logits [B, C] and class numbers [B], or shares [B, C] where batches are mixed.
        mixing: what mixes the training batches; None: nothing.
        layer_decay: factor on the learning rate a layer, see ``layer_decay_groups``; 1: the same
            everywhere.
        alone: [B, D] -> logits [B, C]: a head of the image alone, learnt beside one that takes
            metadata, for comparison; the encoder learns nothing from it. None: no such head.
        optimizer: see ``TrainedModule``.
    """

    def __init__(
        self,
        encoder: nn.Module,
        classifier: nn.Module,
        about: Description,
        *,
        loss: nn.Module | None = None,
        mixing: Mixing | None = None,
        layer_decay: float = 1.0,
        alone: nn.Module | None = None,
        **optimizer: Any,
    ) -> None:
        super().__init__(about, **optimizer)
        self.encoder = encoder
        self.classifier = classifier
        self.alone = alone
        self.loss = loss if loss is not None else nn.CrossEntropyLoss()
        self._mixing, self._layer_decay = mixing, layer_decay
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, images: torch.Tensor, *metadata: torch.Tensor) -> torch.Tensor:
        """Normalised images [B, 3, H, W], perhaps metadata [B, M] -> logits [B, C]."""
        logits: torch.Tensor = self.classifier(self.encoder(images), *metadata)
        return logits

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        """One step on ``images`` [B, S, S, 3] uint8 and ``labels`` [B]."""
        images, targets = to_float(batch["images"], self.mean, self.std), batch["labels"]
        if self._mixing is not None:
            images, targets = self._mixing(images, targets)
        embeddings = self.encoder(images)
        logits = self.classifier(embeddings, *_metadata(batch))
        loss: torch.Tensor = self.loss(logits.float(), targets)
        self.log_step("train/loss", loss, batch_size=len(batch["labels"]))
        if self.alone is None:
            return loss
        beside: torch.Tensor = self.loss(self.alone(embeddings.detach()).float(), targets)
        return loss + beside

    def optimizer_groups(self) -> list[dict[str, Any]]:
        """Learning rates that fall from the head to the first layer, where asked for."""
        if self._layer_decay == 1:
            return super().optimizer_groups()
        return layer_decay_groups(
            self.encoder,
            nn.ModuleList(head for head in (self.classifier, self.alone) if head is not None),
            lr=self._lr,
            weight_decay=self._weight_decay,
            layer_decay=self._layer_decay,
        )

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        """Keep the logits: the metrics need the whole split."""
        images = to_float(batch["images"], self.mean, self.std)
        logits = self(images, *_metadata(batch)).float()
        self.log_epoch(
            "val/loss", self.loss(logits, batch["labels"]), batch_size=len(batch["labels"])
        )
        self._seen.append((logits.detach().cpu(), batch["labels"].cpu()))

    def on_validation_epoch_end(self) -> None:
        """Balanced accuracy, accuracy and macro AUROC over the validation split."""
        logits = torch.cat([part for part, _ in self._seen])
        labels = torch.cat([part for _, part in self._seen])
        self._seen.clear()
        if self.trainer.world_size > 1:
            logits, labels = self._gathered(logits), self._gathered(labels)
        for name, value in validation_scores(
            labels.numpy(), logits.softmax(1).numpy().astype(np.float64)
        ).items():
            self.log(f"val/{name}", value, sync_dist=True)  # the same in each process

    def _gathered(self, values: torch.Tensor) -> torch.Tensor:
        parts = self.all_gather(values.to(self.device))
        assert isinstance(parts, torch.Tensor)
        return parts.flatten(0, 1).cpu()


def validation_scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """What is logged each epoch: ``balanced_accuracy``, ``acc``, ``auc`` (macro AUROC).

    An AUROC that is undefined (one class only) counts as 0.5, so that choosing by it goes on.
    """
    auc = auroc(labels, probabilities).macro
    return {
        "balanced_accuracy": balanced_accuracy(labels, probabilities).value,
        "acc": accuracy(labels, probabilities).value,
        "auc": auc if np.isfinite(auc) else 0.5,
    }


def _metadata(batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The metadata of a batch, where it has any."""
    return [batch["metadata"]] if "metadata" in batch else []
