"""Every step's loss, read without making the device wait at every step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from dermctl.errors import TrainingError
from dermctl.files import write_text
from dermctl.run_folder import LAST, checkpoint_path
from dermctl.runs import is_main_process
from dermctl.training.metrics_log import MetricsLog
from dermctl.training.names import FEATURE_STD
from dermctl.training.reporting import is_logged

_IMAGES_NAMED = 8
_ALWAYS = ("val/loss", FEATURE_STD)
"""Values of an epoch that are numbers as long as the weights are."""


class _Step(NamedTuple):
    number: int  # from 0
    epoch: int  # from 0
    lr: float
    values: dict[str, torch.Tensor]  # scalars, still on the device
    images: torch.Tensor  # their numbers


class StepLog(Callback):
    """Keeps each step's values on the device, and reads and writes them some steps at a time.

    A loss that is no number stops the training before a checkpoint can be made of it. The images of
    such a step are all listed in ``failed_step.txt``.

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
        self._newest: _Step | None = None

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
                raise self._fault(trainer, f"the loss is {values['train/loss']} at", step)
            self._newest = step
            if is_main_process():
                self.log_file.write({**values, "lr": step.lr}, epoch=step.epoch, step=step.number)

    def check_epoch(self, trainer: pl.Trainer, values: Mapping[str, float]) -> None:
        """Look at an epoch's values, before a checkpoint is made of it.

        Raises:
            TrainingError: one is no number that always is one; as ``settle`` otherwise.
        """
        bad = next((name for name in _ALWAYS if not math.isfinite(values.get(name, 0.0))), None)
        if bad is not None and self._newest is not None:
            raise self._fault(trainer, f"{bad} is {values[bad]} after", self._newest)

    def _fault(self, trainer: pl.Trainer, what: str, step: _Step) -> TrainingError:
        numbers = step.images.tolist()
        names = [self._image_names[n] if self._image_names else str(n) for n in numbers]
        more = ""
        if names[_IMAGES_NAMED:]:
            more = f" and {len(names) - _IMAGES_NAMED} more"
            if is_main_process():
                listed = self._folder / "failed_step.txt"
                write_text(listed, "\n".join(names) + "\n")
                more += f", all in {listed}"
        return TrainingError(
            f"{what} step {step.number + 1}, with the images "
            f"{', '.join(names[:_IMAGES_NAMED])}{more}",
            where=f"epoch {step.epoch + 1}",
            hint=self._ways_on(full_precision=str(trainer.precision).startswith("32")),
        )

    def _ways_on(self, *, full_precision: bool) -> str:
        last = checkpoint_path(self._folder, LAST)
        if not last.exists():
            return "Try a lower --lr" + ("" if full_precision else ", or --precision fp32")
        fp32 = "" if full_precision else f" --resume {self._folder} --precision fp32, or"
        return (
            f"Last good checkpoint: {last}. Go on with{fp32} --init (finetune: --from) {last} at a "
            "lower --lr"
        )
