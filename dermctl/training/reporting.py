"""How a training shows its course while it runs."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from dermctl.progress import Progress, Task
from dermctl.runs import is_main_process

# Steps between two looks at the loss: a look waits for the device, which costs a CPU nothing.
LOG_EVERY = {"cpu": 1, "cuda": 20, "mps": 20}


def is_logged(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Whether the loss of this step is read anyway: reading it waits for the device."""
    return trainer.is_last_batch or batch_idx % LOG_EVERY[trainer.strategy.root_device.type] == 0


class ProgressReporter(Callback):
    """Reports epochs, loss, images/s and the share of time spent waiting for data."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._open: AbstractContextManager[Task] | None = None
        self._task: Task | None = None
        self._ended = self._waited = self._started = 0.0
        self._images = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar: one unit a step that is still to be done."""
        if not is_main_process():
            return
        total = int(trainer.num_training_batches) * (trainer.max_epochs or 1) - trainer.global_step
        self._open = self._progress.task("train", total, unit="steps")
        self._task = self._open.__enter__()
        self._ended = self._started = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Time between steps is time spent waiting for data."""
        self._waited += time.perf_counter() - self._ended

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Count the step."""
        self._ended = time.perf_counter()
        self._images += len(batch["index"]) * trainer.world_size
        if self._task is None:
            return
        elapsed = max(1e-9, self._ended - self._started)
        if is_logged(trainer, batch_idx):
            loss = trainer.callback_metrics.get("train/loss")
            self._task.update(
                note=f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"
                + (f" · loss {float(loss):.3f}" if loss is not None else "")
                + f" · {self._images / elapsed:.0f} images/s"
                + f" · waiting {self._waited / elapsed:.0%}"
            )
        self._task.advance()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Time in validation is no waiting for data."""
        self._ended = time.perf_counter()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the bar."""
        self._close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close the bar before the error is shown."""
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None
