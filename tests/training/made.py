"""A training of milliseconds with all that makes resuming hard: dropout, AdamW, a schedule."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import Dataset

from dermctl.progress import SILENT, Progress
from dermctl.training import Hardware, fit, make_trainer, seed_everything
from dermctl.views.batches import Batch, EpochBatchSampler
from dermctl.views.loader import BatchLoader

CPU = Hardware("cpu", 1, 1, "fp32")
IMAGES, BATCH = 18, 4
STEPS = IMAGES // BATCH


class Vectors(Dataset[Any]):
    """An "image" is four numbers made of its index and the epoch."""

    def __len__(self) -> int:
        return IMAGES

    def __getitems__(self, batch: Batch) -> dict[str, torch.Tensor]:
        index = torch.tensor(batch.indices)
        return {
            "index": index,
            "x": torch.stack([(index * k + batch.epoch).sin() for k in range(4)], 1),
        }


class Loaders(pl.LightningDataModule):
    """Shuffled training batches, and validation batches."""

    def __init__(self, workers: int = 0) -> None:
        super().__init__()
        self.workers = workers

    def _loader(self, *, train: bool) -> BatchLoader:
        batches = EpochBatchSampler(IMAGES, BATCH, seed=3, shuffle=train, drop_last=train)
        return BatchLoader(Vectors(), batches, workers=self.workers)

    def train_dataloader(self) -> BatchLoader:
        return self._loader(train=True)

    def val_dataloader(self) -> BatchLoader:
        return self._loader(train=False)


class Module(pl.LightningModule):
    """A perceptron with dropout; `at(phase, step)` is called in each step, and may raise."""

    def __init__(self, at: Callable[[str, int], None] | None = None) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.GELU(), torch.nn.Linear(8, 1)
        )
        self.at = at or (lambda phase, step: None)

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        self.at("train", self.global_step)
        loss = self.layers(batch["x"]).sub(1).square().mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        self.at("val", self.global_step)
        self.log("val/loss", self.layers(batch["x"]).sub(1).square().mean())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.05)
        assert self.trainer.estimated_stepping_batches > 0  # asking makes the loaders early
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.97**step)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def train(
    folder: Path,
    at: Callable[[str, int], None] | None = None,
    *,
    epochs: int = 3,
    resume: Path | None = None,
    workers: int = 0,
    minutes: float = 1e-9,
    progress: Progress = SILENT,
    **more: Any,
) -> tuple[pl.Trainer, dict[str, torch.Tensor]]:
    """Train, by default with a checkpoint after each step; the trainer and the last weights."""
    seed_everything(0)
    module = Module(at)
    trainer = make_trainer(
        folder,
        CPU,
        epochs=epochs,
        progress=progress,
        monitor="val/loss",
        checkpoint_minutes=minutes,
        **more,
    )
    fit(trainer, module, Loaders(workers), resume=resume)
    return trainer, {key: value.clone() for key, value in module.state_dict().items()}


def logged(folder: Path) -> list[dict[str, str]]:
    """The rows of metrics.csv."""
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))
