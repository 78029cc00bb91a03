"""What the training methods have in common: optimiser, schedule, logging, the checkpoint's note."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch

from dermctl.checkpoint import Description, describe
from dermctl.exposure import Exposure
from dermctl.methods.optim import build_optimizer, check_optimizer, parameter_groups
from dermctl.methods.schedules import course


class TrainedModule(pl.LightningModule):
    """A Lightning module with the optimiser and schedule of dermctl.

    Args:
        about: written into every checkpoint, see ``dermctl.checkpoint``.
        optimizer: one of timm's, see ``dermctl.methods.optim``.
        lr: peak learning rate.
        weight_decay: of weights; biases and norms are spared.
        warmup: share of all steps in which the learning rate rises.
        schedule: what it does then, see ``dermctl.methods.schedules``.
        cycles: of ``cosine-restarts``.

    Raises:
        ConfigError: an optimiser that cannot be built.
    """

    mean: torch.Tensor
    std: torch.Tensor
    micro_batch: int | None = None
    """Images in the encoder at once; 0: all of a batch; None: batches cannot be taken in parts."""
    exposure: Exposure | None = None
    """The images that the weights will have seen, written into every checkpoint."""

    def __init__(
        self,
        about: Description,
        *,
        optimizer: str,
        lr: float,
        weight_decay: float,
        warmup: float,
        schedule: str = "cosine",
        cycles: int = 1,
    ) -> None:
        super().__init__()
        check_optimizer(optimizer)
        self.about = about
        self._schedule, self._cycles = schedule, cycles
        self._optimizer, self._lr = optimizer, lr
        self._weight_decay, self._warmup = weight_decay, warmup
        self.register_buffer("mean", torch.tensor(about.mean), persistent=False)
        self.register_buffer("std", torch.tensor(about.std), persistent=False)

    def configure_optimizers(self) -> Any:
        """The optimiser, and the learning rate's course over all steps of the training."""
        optimizer = build_optimizer(self.optimizer_groups(), self._optimizer, lr=self._lr)
        total = int(self.trainer.estimated_stepping_batches)
        factor = course(
            self._schedule, total=total, warmup=round(total * self._warmup), cycles=self._cycles
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def optimizer_groups(self) -> list[dict[str, Any]]:
        """The parameters as the optimiser takes them: what decays, and what is spared."""
        return parameter_groups(self, self._weight_decay)

    def log_step(self, name: str, value: torch.Tensor, batch_size: int) -> None:
        """Log a value of one training step."""
        self.log(name, value, on_step=True, on_epoch=False, batch_size=batch_size)

    def log_epoch(self, name: str, value: torch.Tensor, batch_size: int) -> None:
        """Log the mean of a value over an epoch and over the devices."""
        self.log(name, value, on_step=False, on_epoch=True, sync_dist=True, batch_size=batch_size)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Say in the checkpoint what its weights are."""
        describe(checkpoint, self.about, self.exposure)
