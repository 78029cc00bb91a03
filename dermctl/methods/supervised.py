"""Supervised training of encoder and classifier with weighted cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from dermctl.checkpoint import Description
from dermctl.methods.module import TrainedModule
from dermctl.metrics.scores import accuracy, auroc, balanced_accuracy
from dermctl.views.normalization import to_float


def inverse_frequency(counts: np.ndarray) -> np.ndarray:
    """Class weights n / (C · n_c), float64 [C]: every class weighs the same in all.

    As scikit-learn's ``class_weight="balanced"``; a class without images gets 0.
    """
    safe = np.where(counts > 0, counts, 1)
    present = int((counts > 0).sum())
    return np.where(counts > 0, counts.sum() / (present * safe), 0.0)


class Supervised(TrainedModule):
    """Trains encoder and classifier on labelled images.

    Args:
        encoder: images [B, 3, H, W] -> embeddings [B, D].
        classifier: [B, D] -> logits [B, C].
        about: what is written into checkpoints; its classes are the order of the logits.
        class_weights: [C] weights of the cross-entropy, or None.
        label_smoothing: 0..1.
        optimizer: see ``TrainedModule``.
    """

    def __init__(
        self,
        encoder: nn.Module,
        classifier: nn.Module,
        about: Description,
        *,
        class_weights: torch.Tensor | None = None,
        label_smoothing: float = 0.0,
        **optimizer: Any,
    ) -> None:
        super().__init__(about, **optimizer)
        self.encoder = encoder
        self.classifier = classifier
        self.loss = nn.CrossEntropyLoss(weight=class_weights, label_smoothing=label_smoothing)
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised images [B, 3, H, W] -> logits [B, C]."""
        logits: torch.Tensor = self.classifier(self.encoder(images))
        return logits

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        """One step on ``images`` [B, S, S, 3] uint8 and ``labels`` [B]."""
        loss: torch.Tensor = self.loss(self._logits(batch).float(), batch["labels"])
        self.log_step("train/loss", loss, batch_size=len(batch["labels"]))
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        """Keep the logits: the metrics need the whole split."""
        logits = self._logits(batch).float()
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

    def _logits(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = self(to_float(batch["images"], self.mean, self.std))
        return logits


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
