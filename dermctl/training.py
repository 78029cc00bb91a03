"""Seeding, hardware, the Trainer and its callbacks."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from dermctl.config.trainings import ACCELERATORS
from dermctl.errors import TrainingError, UsageFault
from dermctl.progress import Progress, Task
from dermctl.runs import is_main_process

BEST, LAST = "best", "last"
_LIGHTNING_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}
# Steps between two looks at the loss: a look waits for the device, which costs a CPU nothing.
_LOG_EVERY = {"cpu": 1, "cuda": 10, "mps": 10}
# Lightning's advice that does not hold here, or that says what the bar already shows.
_NOISE = (
    r".*does not have many workers.*",
    r".*`isinstance\(treespec, LeafSpec\)` is deprecated.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*Experiment logs directory .* exists and is not empty.*",
    r".*torch.distributed.nn.functional.all_gather is deprecated.*",
    r".*lr_scheduler.step\(\).* before .*optimizer.step\(\).*",
)


@dataclass(frozen=True)
class Hardware:
    """What a training runs on: ``accelerator`` cpu, cuda or mps; ``precision`` fp32 or bf16."""

    accelerator: str
    devices: int
    nodes: int
    precision: str

    def __str__(self) -> str:
        name = {"cpu": "CPU", "cuda": "GPU", "mps": "Apple GPU"}[self.accelerator]
        nodes = f" on each of {self.nodes} nodes" if self.nodes > 1 else ""
        plural = "s" if self.devices > 1 else ""
        what = "process" if self.accelerator == "cpu" and self.devices > 1 else ""
        what = f" {what}es" if what else plural
        return f"{self.devices} {name}{what}{nodes}, {self.precision}"


def resolve_hardware(
    accelerator: str = "auto", devices: int = 0, nodes: int = 1, precision: str = "auto"
) -> Hardware:
    """Settle ``auto`` and 0, and refuse what is not there.

    Raises:
        TrainingError: when more devices are asked for than there are, saying how many there are.
        UsageFault: an accelerator that does not exist.
    """
    if accelerator not in ACCELERATORS:
        raise UsageFault(
            f"there is no accelerator '{accelerator}'",
            hint=f"Take one of: {', '.join(ACCELERATORS)}",
        )
    gpus = torch.cuda.device_count()
    if accelerator == "auto":
        accelerator = "cuda" if gpus else "mps" if torch.backends.mps.is_available() else "cpu"
    elif accelerator == "gpu":
        if not gpus:
            raise TrainingError(
                "there is no GPU here", where="--accelerator gpu", hint="Take --accelerator cpu"
            )
        accelerator = "cuda"
    elif accelerator == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("there is no Apple GPU here", where="--accelerator mps")
    there = {"cuda": gpus, "mps": 1, "cpu": available_cores()}[accelerator]
    devices = devices or (gpus if accelerator == "cuda" else 1)
    if devices > there:
        names = {"cuda": "GPU", "mps": "Apple GPU", "cpu": "CPU core"}
        raise TrainingError(
            f"{devices} devices were asked for and there {'is' if there == 1 else 'are'} {there} "
            f"{names[accelerator]}{'' if there == 1 else 's'}",
            where=f"--devices {devices}",
            hint=f"Take --devices {there} or fewer",
        )
    if precision == "auto":
        fast = accelerator == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if fast else "fp32"
    return Hardware(accelerator, devices, nodes, precision)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def loader_workers(asked: int, hardware: Hardware) -> int:
    """Loader processes a device: as asked, else the cores shared out, at most 16.

    On a CPU the training itself wants the cores: one loader beside it is enough.
    """
    if asked >= 0:
        return asked
    if hardware.accelerator == "cpu":
        return 1 if available_cores() > 1 else 0
    return min(16, max(1, available_cores() // hardware.devices - 1))


def make_trainer(
    folder: Path,
    hardware: Hardware,
    *,
    epochs: int,
    progress: Progress,
    monitor: str | None,
    callbacks: tuple[Callback, ...] = (),
) -> pl.Trainer:
    """A Trainer that logs to CSV and TensorBoard and keeps ``best.ckpt`` and ``last.ckpt``.

    Args:
        folder: the run's folder.
        hardware: see ``resolve_hardware``.
        epochs: passes over the images.
        progress: where steps are reported.
        monitor: the logged value that chooses ``best.ckpt`` (a loss: least; else greatest); None
            keeps the last one only.
        callbacks: further callbacks.
    """
    keep = ModelCheckpoint(
        dirpath=folder / "checkpoints",
        filename=BEST,
        monitor=monitor,
        mode="min" if monitor and monitor.endswith("loss") else "max",
        save_top_k=1 if monitor else 0,
        save_last=True,
        enable_version_counter=False,
    )
    keep.CHECKPOINT_NAME_LAST = LAST
    with quiet_lightning():
        return pl.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            num_nodes=hardware.nodes,
            strategy="ddp" if hardware.devices * hardware.nodes > 1 else "auto",
            precision=_LIGHTNING_PRECISION[hardware.precision],  # type: ignore[arg-type]
            max_epochs=epochs,
            logger=[csv_logger(folder), tensorboard_logger(folder)],
            callbacks=[keep, ProgressReporter(progress), StopOnNaN(folder), *callbacks],
            log_every_n_steps=_LOG_EVERY[hardware.accelerator],
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )


def csv_logger(folder: Path) -> CSVLogger:
    """``metrics.csv`` in the run's folder."""
    return CSVLogger(save_dir=folder, name="", version="")


def tensorboard_logger(folder: Path) -> TensorBoardLogger:
    """TensorBoard events in the run's folder."""
    return TensorBoardLogger(save_dir=folder, name="", version="", default_hp_metric=False)


def fit(trainer: pl.Trainer, module: pl.LightningModule, data: pl.LightningDataModule) -> None:
    """Train; whatever Lightning wants to say that the user cannot act on stays unsaid.

    Raises:
        TrainingError: the device's memory is full.
        KeyboardInterrupt: Ctrl-C, which Lightning would turn into an exit without a word.
    """
    with quiet_lightning():
        try:
            trainer.fit(module, datamodule=data)
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                "the memory of the device is full", hint="Try a smaller --batch-size"
            ) from error
        except SystemExit as stop:
            if trainer.interrupted:
                raise KeyboardInterrupt from stop
            raise


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Lightning's banners and advice off, its errors on."""
    loggers = [
        logging.getLogger(name)
        for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch", "lightning")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for noise in _NOISE:
                warnings.filterwarnings("ignore", noise)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators: what initialises and drops out."""
    with quiet_lightning():
        pl.seed_everything(seed, workers=False, verbose=False)


def is_logged(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Whether the loss of this step is read anyway: reading it waits for the device."""
    return trainer.is_last_batch or batch_idx % _LOG_EVERY[trainer.strategy.root_device.type] == 0


class ProgressReporter(Callback):
    """Reports epochs, loss, images/s and the share of time spent waiting for data."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._open: AbstractContextManager[Task] | None = None
        self._task: Task | None = None
        self._ended = self._waited = self._started = 0.0
        self._images = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the bar: one unit a training step."""
        if not is_main_process():
            return
        total = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
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
