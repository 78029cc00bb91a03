"""A loss that is no number stops the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from dermctl.errors import TrainingError
from dermctl.training.names import LAST
from dermctl.training.reporting import is_logged


class StopOnNaN(Callback):
    """Stops at a loss that is no number, naming the step and the last good checkpoint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Look at the loss where reading it costs nothing, or once in a while."""
        if not is_logged(trainer, batch_idx):
            return
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if loss is not None and not torch.isfinite(loss):
            last = self._folder / "checkpoints" / f"{LAST}.ckpt"
            raise TrainingError(
                f"the loss is {float(loss)} at step {trainer.global_step}",
                where=f"epoch {trainer.current_epoch + 1}",
                hint=(f"Last good checkpoint: {last}. " if last.exists() else "")
                + "Try a lower --lr, or --precision fp32",
            )
