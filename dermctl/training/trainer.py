"""The Trainer of all trainings, and how it is run."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from dermctl.errors import TrainingError
from dermctl.progress import Progress
from dermctl.training.hardware import Hardware
from dermctl.training.names import BEST, LAST
from dermctl.training.nan import StopOnNaN
from dermctl.training.quiet import quiet_lightning
from dermctl.training.reporting import LOG_EVERY, ProgressReporter

_LIGHTNING_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


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
            log_every_n_steps=LOG_EVERY[hardware.accelerator],
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
