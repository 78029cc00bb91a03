"""Every step's loss, read without making the device wait at every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from dermctl.errors import TrainingError
from dermctl.runs import is_main_process
from dermctl.training.metrics_log import MetricsLog
from dermctl.training.names import LAST
from dermctl.training.reporting import is_logged

_IMAGES_NAMED = 8


class _Step(NamedTuple):
    number: int  # from 0
    epoch: int  # from 0
    lr: float
    values: dict[str, torch.Tensor]  # scalars, still on the device
    images: torch.Tensor  # their numbers


class StepLog(Callback):
    """Keeps each step's values on the device, and reads and writes them some steps at a time.

    A loss that is no number stops the training before a checkpoint can be made of it.

    Args:
        log: where the values go.
        folder: the run's folder.
        image_names: of the training images, to name those of a step; their numbers where empty.
    """

    def __init__(self, log: MetricsLog, folder: Path, image_names: Sequence[str] = ()) -> None:
        self.log_file = log
        self._folder, self._image_names = folder, image_names
        self._pending: list[_Step] = []
        self._lr = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the log where the training begins or goes on."""
        if is_main_process():
            self.log_file.open(trainer.global_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note the learning rate: after the step, the schedule has moved on."""
        self._lr = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Keep this step's values; read what is kept once in a while."""
        values = {
            name: value.detach()
            for name, value in trainer.callback_metrics.items()
            if name.startswith("train/")
        }
        self._pending.append(
            _Step(
                trainer.global_step - 1,
                trainer.current_epoch,
                self._lr,
                values,
                batch["index"],
            )
        )
        if is_logged(trainer, batch_idx):
            self.settle(trainer)

    def settle(self, trainer: pl.Trainer) -> None:
        """Read and write all values kept so far: the one moment that waits for the device.

        Raises:
            TrainingError: a loss is no number; step, images and last good checkpoint are named.
        """
        steps, self._pending = self._pending, []
        scalars = [value.float().reshape(()) for step in steps for value in step.values.values()]
        if not scalars:
            return
        read = iter(torch.stack(scalars).tolist())
        for step in steps:
            values = {name: next(read) for name in step.values}
            if not math.isfinite(values.get("train/loss", 0.0)):
                raise self._fault(step, values["train/loss"])
            if is_main_process():
                self.log_file.write({**values, "lr": step.lr}, epoch=step.epoch, step=step.number)

    def _fault(self, step: _Step, loss: float) -> TrainingError:
        last = self._folder / "checkpoints" / f"{LAST}.ckpt"
        numbers = step.images.tolist()
        shown = ", ".join(
            self._image_names[number] if self._image_names else str(number)
            for number in numbers[:_IMAGES_NAMED]
        )
        more = f" and {len(numbers) - _IMAGES_NAMED} more" if numbers[_IMAGES_NAMED:] else ""
        return TrainingError(
            f"the loss is {loss} at step {step.number + 1}, with the images {shown}{more}",
            where=f"epoch {step.epoch + 1}",
            hint=(f"Last good checkpoint: {last}. " if last.exists() else "")
            + "Try a lower --lr, or --precision fp32",
        )
