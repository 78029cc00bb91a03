"""Trainings stop cleanly and leave what they promise."""

from __future__ import annotations

import csv
import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from dermctl.errors import TrainingError
from dermctl.training import (
    Hardware,
    fit,
    make_trainer,
    quiet_lightning,
    seed_everything,
)

CPU = Hardware("cpu", 1, 1, "fp32")


def test_seeding_makes_the_same_numbers() -> None:
    seed_everything(5)
    first = torch.rand(3)
    seed_everything(5)
    assert torch.equal(first, torch.rand(3))


class Line(pl.LightningModule):
    """Fits one number; `at` maps a step to what happens there."""

    def __init__(self, **at: Any) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.at = {int(step.removeprefix("step_")): event for step, event in at.items()}

    def training_step(self, batch: dict[str, torch.Tensor], _: int) -> torch.Tensor:
        loss = ((self.weight - batch["index"].float()) ** 2).mean()
        event = self.at.get(self.global_step)
        if event == "nan":
            loss = loss * float("nan")
        elif event is not None:
            raise event
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], _: int) -> None:
        self.log("val/loss", self.weight.detach().abs().sum())
        self.log("val/acc", self.weight.detach().sum())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Numbers(pl.LightningDataModule):
    """Four steps an epoch."""

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader([{"index": n} for n in range(1, 9)], batch_size=2)  # type: ignore[arg-type]

    val_dataloader = train_dataloader


class Heard:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Any]:
        self.events.append(("open", description, total, unit))
        yield self
        self.events.append("close")

    def advance(self, amount: float = 1) -> None:
        self.events.append(amount)

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        self.events.append(note)

    def say(self, message: str) -> None:
        self.events.append(message)


def run(
    folder: Path, module: Line, monitor: str | None = "val/loss", epochs: int = 2
) -> tuple[pl.Trainer, Heard]:
    heard = Heard()
    trainer = make_trainer(folder, CPU, epochs=epochs, progress=heard, monitor=monitor)
    fit(trainer, module, Numbers())
    return trainer, heard


def test_a_training_leaves_its_checkpoints_and_metrics(tmp_path: Path) -> None:
    trainer, heard = run(tmp_path, Line(), "val/acc")
    assert trainer.global_step == 8
    checkpoints = tmp_path / "checkpoints"
    assert sorted(path.name for path in checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]
    best = torch.load(checkpoints / "best.ckpt", weights_only=True)
    assert best["global_step"] == 8, "the weight grows: the greatest accuracy is the last"
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len([row for row in rows if row["train/loss"]]) == 8
    assert len([row for row in rows if row["val/acc"]]) == 2
    assert heard.events[0] == ("open", "train", 8, "steps")
    assert heard.events[-1] == "close"
    assert heard.events.count(1) == 8
    notes = [event for event in heard.events if isinstance(event, str) and "epoch" in event]
    assert notes[-1].startswith("epoch 2/2 · loss ")


def test_of_a_loss_the_least_is_best(tmp_path: Path) -> None:
    run(tmp_path, Line(), "val/loss")
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["global_step"] == 4, "the weight grows: its least absolute value is the first"


def test_without_validation_the_last_is_kept(tmp_path: Path) -> None:
    run(tmp_path, Line(), None)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.ckpt"]


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the loss is nan at step 6") as caught:
        run(tmp_path, Line(step_5="nan"))
    assert caught.value.where == "epoch 2"
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert str(last) in str(caught.value)
    weight = torch.load(last, weights_only=True)["state_dict"]["weight"]
    assert torch.isfinite(weight).all(), "the last good checkpoint is good"


class Diverged(Line):
    """Its weight is no number in the second epoch's validation: the last step had spoilt it."""

    def validation_step(self, batch: dict[str, torch.Tensor], number: int) -> None:
        if self.current_epoch == 1:
            self.weight.data.fill_(torch.nan)
        super().validation_step(batch, number)


def test_weights_that_are_no_numbers_make_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="val/loss is nan after step 8") as caught:
        run(tmp_path, Diverged())
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert f"Last good checkpoint: {last}" in str(caught.value)
    assert "--precision" not in str(caught.value), "it is in full precision already"
    for path in last.parent.iterdir():
        read = torch.load(path, weights_only=True)
        assert read["global_step"] == 4
        assert torch.isfinite(read["state_dict"]["weight"]).all()


class Unscored(Line):
    """What chooses the best is undefined in the second epoch, as a score of a lost class is."""

    def validation_step(self, batch: dict[str, torch.Tensor], number: int) -> None:
        self.log("val/acc", torch.tensor(float("nan") if self.current_epoch == 1 else 0.5))


def test_a_score_that_is_no_number_is_not_the_best(tmp_path: Path) -> None:
    run(tmp_path, Unscored(), "val/acc")
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert best["global_step"] == 4


def test_all_images_of_a_step_that_failed_are_listed(tmp_path: Path) -> None:
    class Many(pl.LightningDataModule):
        def train_dataloader(self) -> DataLoader[Any]:
            return DataLoader([{"index": n} for n in range(20)], batch_size=10)  # type: ignore[arg-type]

    trainer = make_trainer(tmp_path, CPU, epochs=1, progress=Heard(), monitor=None)
    with pytest.raises(TrainingError, match=r"the images 10, .*, 17 and 2 more, all in") as caught:
        fit(trainer, Line(step_1="nan"), Many())
    listed = tmp_path / "failed_step.txt"
    assert str(listed) in str(caught.value)
    assert listed.read_text().split() == [str(n) for n in range(10, 20)]


def test_ctrl_c_comes_through_as_such(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, Line(step_5=KeyboardInterrupt()))
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


def test_a_full_device_says_what_to_do(tmp_path: Path) -> None:
    fault = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    with pytest.raises(TrainingError, match="memory") as caught:
        run(tmp_path, Line(step_1=fault))
    assert "--batch-size" in str(caught.value)


def test_other_errors_come_through_and_close_the_bar(tmp_path: Path) -> None:
    heard = Heard()
    trainer = make_trainer(tmp_path, CPU, epochs=1, progress=heard, monitor=None)
    with pytest.raises(ZeroDivisionError):
        fit(trainer, Line(step_1=ZeroDivisionError()), Numbers())
    assert heard.events[-1] == "close"


def test_quiet_is_over_when_it_is_over() -> None:
    logger = logging.getLogger("pytorch_lightning")
    level, filters = logger.level, list(warnings.filters)
    with quiet_lightning():
        assert not logger.isEnabledFor(logging.WARNING)
        assert logger.isEnabledFor(logging.ERROR)
    assert logger.level == level
    assert list(warnings.filters) == filters
