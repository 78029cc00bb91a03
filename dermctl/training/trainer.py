"""The Trainer of all trainings, and how it is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from dermctl.progress import Progress
from dermctl.runs import held, is_main_process
from dermctl.training.faults import MemoryAdvice, named_faults
from dermctl.training.hardware import Hardware, lightning_arguments
from dermctl.training.keeping import KeepCheckpoints, Measure
from dermctl.training.metrics_log import MetricsLog
from dermctl.training.quiet import quiet_lightning
from dermctl.training.reporting import ProgressReporter
from dermctl.training.seeds import StepSeeds
from dermctl.training.step_log import StepLog
from dermctl.training.stopping import Interrupted
from dermctl.training.storage import SafeCheckpointIO


def make_trainer(
    folder: Path,
    hardware: Hardware,
    *,
    epochs: int,
    progress: Progress,
    monitor: str | None,
    seed: int = 0,
    checkpoint_minutes: float = 0.0,
    patience: int = 0,
    measures: Sequence[Measure] = (),
    image_names: Sequence[str] = (),
    deterministic: bool = False,
    callbacks: tuple[Callback, ...] = (),
) -> pl.Trainer:
    """A Trainer that can be stopped at any moment and go on to the same weights.

    It logs to ``metrics.csv`` and TensorBoard and keeps ``best.ckpt`` and ``last.ckpt``.

    Args:
        folder: the run's folder.
        hardware: see ``resolve_hardware``.
        epochs: passes over the images.
        progress: where steps are reported.
        monitor: the logged value that chooses ``best.ckpt`` (a loss: least; else greatest); None
            keeps the last one only.
        seed: of the model's randomness.
        checkpoint_minutes: see ``KeepCheckpoints``.
        patience: likewise.
        measures: likewise.
        image_names: of the training images, to name those of a step that fails.
        deterministic: only algorithms that give the same bits each time, also on a GPU.
        callbacks: further callbacks.
    """
    log = StepLog(MetricsLog(folder), folder, image_names)
    keep = KeepCheckpoints(
        folder,
        log,
        monitor=monitor,
        minutes=checkpoint_minutes,
        patience=patience,
        measures=measures,
        progress=progress,
    )
    with quiet_lightning():
        trainer = pl.Trainer(
            **lightning_arguments(hardware),
            max_epochs=epochs,
            callbacks=[
                *(StepSeeds(seed), MemoryAdvice(), log, ProgressReporter(progress), keep),
                *callbacks,
            ],
            plugins=[SafeCheckpointIO()],
            deterministic=deterministic or None,
            num_sanity_val_steps=0,
        )
    _leave_signals_to_us(trainer)
    return trainer


def csv_logger(folder: Path) -> CSVLogger:
    """``metrics.csv`` in the run's folder."""
    return CSVLogger(save_dir=folder, name="", version="")


def tensorboard_logger(folder: Path) -> TensorBoardLogger:
    """TensorBoard events in the run's folder."""
    return TensorBoardLogger(save_dir=folder, name="", version="", default_hp_metric=False)


def fit(
    trainer: pl.Trainer,
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    *,
    resume: Path | None = None,
) -> None:
    """Train; whatever Lightning wants to say that the user cannot act on stays unsaid.

    Args:
        trainer: of ``make_trainer``.
        module: what is trained.
        data: the batches.
        resume: the checkpoint of a stopped training, to go on from.

    Raises:
        Interrupted: a signal stopped it; it is saved.
        TrainingError: the device's memory is full, a loader process died, a loss is no number, the
            disk is full, or another process trains into this folder.
        KeyboardInterrupt: Ctrl-C before the training has begun, or twice.
    """
    keep = kept(trainer)
    with quiet_lightning(), held(keep.folder), named_faults(trainer, keep.progress):
        try:
            trainer.fit(
                module,
                datamodule=data,
                ckpt_path=None if resume is None else str(resume),
                weights_only=True,
            )
        except Interrupted:
            if not is_main_process():
                raise SystemExit(0) from None  # rank 0 says it
            raise
    keep.finish()


def kept(trainer: pl.Trainer) -> KeepCheckpoints:
    """What has kept the checkpoints of a training of ``make_trainer``, and knows the best."""
    keep = trainer.checkpoint_callback
    assert isinstance(keep, KeepCheckpoints)
    return keep


def _leave_signals_to_us(trainer: pl.Trainer) -> None:
    """Lightning asks all processes at every step, which waits for the device: ours ask less."""
    loop = trainer.fit_loop.epoch_loop
    if hasattr(loop, "_broadcast_sigterm_tensor"):
        loop._broadcast_sigterm_tensor = lambda: None  # type: ignore[method-assign]
