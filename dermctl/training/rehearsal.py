"""A dry run: a few steps of a training, timed, and nothing left behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from dermctl.machine import peak_ram
from dermctl.progress import SILENT, Progress
from dermctl.training.faults import MemoryAdvice, named_faults
from dermctl.training.hardware import Hardware, lightning_arguments
from dermctl.training.quiet import quiet_lightning
from dermctl.training.seeds import StepSeeds
from dermctl.views.loader import BatchLoader

TIMED = 2
"""Steps that are timed, after one to warm up, which compiles and allocates."""


@dataclass(frozen=True)
class DryRun:
    """What a training would take.

    Args:
        what: would be done, in words.
        parameters: that are trained.
        memory_bytes: greatest memory so far: of one GPU, or of this process.
        images_per_second: over all devices, loading included.
        steps: of all trainings; 0: a head is fitted on embeddings, without steps.
        seconds: of all trainings, validation, looks at the embeddings and fits aside.
        hardware: in words.
        trainings: one after another, as with several seeds.
    """

    what: str
    parameters: int
    memory_bytes: int
    images_per_second: float
    steps: int
    seconds: float
    hardware: str
    trainings: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def rehearse(
    module: pl.LightningModule,
    data: pl.LightningDataModule,
    hardware: Hardware,
    *,
    what: str,
    epochs: int,
    batch_size: int,
    seed: int,
    deterministic: bool = False,
    callbacks: Sequence[Callback] = (),
    progress: Progress = SILENT,
) -> DryRun:
    """Run one validation batch and a few steps; no file is written.

    Args:
        module: what would be trained.
        data: its batches.
        hardware: what it would run on.
        what: the whole would do, in words.
        epochs: of the whole training.
        batch_size: images a step, over all devices.
        seed: of the model's randomness.
        deterministic: see ``make_trainer``.
        callbacks: likewise.
        progress: likewise.

    Raises:
        TrainingError: as ``fit``.
    """
    clock = _Clock()
    with quiet_lightning():
        trainer = pl.Trainer(
            **lightning_arguments(hardware),
            max_epochs=epochs,  # schedules are planned for the whole training
            callbacks=[StepSeeds(seed), MemoryAdvice(), clock, *callbacks],
            enable_checkpointing=False,
            deterministic=deterministic or None,
            num_sanity_val_steps=1,  # before the steps; none between them, they are timed
            limit_val_batches=1,
            check_val_every_n_epoch=epochs + 1,
        )
        with named_faults(trainer, progress):
            trainer.fit(module, datamodule=data)
    steps = int(trainer.num_training_batches) * epochs
    return DryRun(
        what=what,
        parameters=sum(p.numel() for p in module.parameters() if p.requires_grad),
        memory_bytes=peak_memory(hardware),
        images_per_second=batch_size / clock.seconds_a_step,
        steps=steps,
        seconds=steps * clock.seconds_a_step,
        hardware=str(hardware),
    )


class _Clock(Callback):
    """Times the steps after the first, and stops after the last.

    Loader processes make some batches in advance while the first step is under way: the steps on
    these are not timed either, as they wait for nothing.
    """

    def __init__(self) -> None:
        self._ends: list[float] = []
        self._first = 1

    @property
    def seconds_a_step(self) -> float:
        """Of the steps that are timed; of those there are in a training of so few."""
        spans = [late - early for early, late in zip(self._ends, self._ends[1:], strict=False)]
        spans = spans[self._first :] or spans[1:] or spans
        return max(1e-9, sum(spans) / len(spans))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The first step begins."""
        loader = trainer.train_dataloader
        if isinstance(loader, BatchLoader) and loader.num_workers:
            self._first += loader.num_workers * (loader.prefetch_factor or 0)
        self._note(pl_module.device.type)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """A step has ended, also on the device."""
        self._note(pl_module.device.type)
        if len(self._ends) > self._first + TIMED:  # one end more than steps
            trainer.should_stop = True

    def _note(self, device: str) -> None:
        if device != "cpu":
            torch.accelerator.synchronize()
        self._ends.append(time.perf_counter())


def peak_memory(hardware: Hardware) -> int:
    """The greatest memory so far in bytes: of the current GPU, or of this process."""
    if hardware.accelerator == "cuda":
        return int(torch.cuda.max_memory_allocated())
    return peak_ram()
