"""A training that was stopped, anywhere, ends with the very weights of one that was not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dermctl.training.keeping import KeepCheckpoints
from dermctl.training.metrics_log import MetricsLog
from dermctl.training.step_log import StepLog
from dermctl.training.stopping import Interrupted
from tests.told import Told
from tests.training.made import STEPS, logged, train

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Weights, Path]:
    """The weights and the folder of a training that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return train(folder)[1], folder


class KilledError(Exception):
    """Stands for a kill: nothing of ours reacts to it."""


def kill_at(phase: str, step: int) -> Callable[[str, int], None]:
    def at(now: str, number: int) -> None:
        if (now, number) == (phase, step):
            raise KilledError

    return at


def signal_at(number: signal.Signals, step: int) -> Callable[[str, int], None]:
    def at(phase: str, now: int) -> None:
        if (phase, now) == ("train", step):
            os.kill(os.getpid(), number)

    return at


def same(one: Weights, other: Weights) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("phase", "step"),
    [
        ("train", 1),
        ("train", STEPS - 1),
        ("val", STEPS),
        ("train", STEPS),
        ("train", STEPS + 2),
        ("val", 3 * STEPS),
    ],
)
def test_killed_in_an_epoch_at_its_end_and_in_validation(
    tmp_path: Path, whole: tuple[Weights, Path], phase: str, step: int
) -> None:
    weights, folder = whole
    with pytest.raises(KilledError):
        train(tmp_path, kill_at(phase, step))
    trainer, resumed = train(tmp_path, resume=tmp_path / "checkpoints" / "last.ckpt")
    assert same(resumed, weights)
    assert trainer.global_step == 3 * STEPS
    assert logged(tmp_path) == logged(folder), "no gap, and nothing twice"
    for name in ("best.ckpt", "last.ckpt"):
        one, two = (
            torch.load(path / "checkpoints" / name, weights_only=True)
            for path in (tmp_path, folder)
        )
        assert same(one["state_dict"], two["state_dict"]), name
    assert not (tmp_path / "checkpoints" / "previous.ckpt").exists()


def test_tensorboard_shows_each_step_once(tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        train(tmp_path, kill_at("train", STEPS + 2), minutes=0)  # back to the epoch's beginning
    train(tmp_path, resume=tmp_path / "checkpoints" / "last.ckpt")
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("train/loss")] == list(range(3 * STEPS))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
@pytest.mark.parametrize("step", [1, STEPS - 1])
def test_a_signal_saves_at_once(
    tmp_path: Path, whole: tuple[Weights, Path], number: signal.Signals, step: int
) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=number.name) as caught:
        train(tmp_path, signal_at(number, step), minutes=0)
    assert caught.value.exit_code == 128 + number
    assert signal.getsignal(number) == before
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert caught.value.where == str(last)
    assert torch.load(last, weights_only=True)["global_step"] == step + 1
    assert same(train(tmp_path, resume=last)[1], whole[0])
    assert signal.getsignal(number) == before, "also after a training that came to its end"


def test_patience_ends_the_training_and_goes_on_counting(tmp_path: Path) -> None:
    told = Told()
    trainer, _ = train(tmp_path / "a", epochs=50, patience=2, minutes=0, progress=told)
    epochs = trainer.current_epoch
    losses = [float(row["val/loss"]) for row in logged(tmp_path / "a") if row["val/loss"]]
    assert len(losses) == epochs < 50
    best = losses.index(min(losses))
    assert best == epochs - 3, "two epochs without a better one"
    (said,) = told.said
    assert said.startswith(f"stopped after step {epochs * STEPS}, as --patience 2 says: ")
    assert said.endswith(f"best val/loss {losses[best]:.4f}, after step {(best + 1) * STEPS}")
    with pytest.raises(Interrupted):
        train(
            tmp_path / "b",
            signal_at(signal.SIGTERM, STEPS * (epochs - 1)),
            epochs=50,
            patience=2,
            minutes=0,
        )
    again, _ = train(
        tmp_path / "b",
        epochs=50,
        patience=2,
        resume=tmp_path / "b" / "checkpoints" / "last.ckpt",
    )
    assert again.current_epoch == epochs


def test_the_best_of_another_value_is_forgotten(tmp_path: Path) -> None:
    def keep(monitor: str) -> KeepCheckpoints:
        return KeepCheckpoints(tmp_path, StepLog(MetricsLog(tmp_path), tmp_path), monitor=monitor)

    by_probe = keep("probe/ridge")
    by_probe.best = 0.7
    again, by_loss = keep("probe/ridge"), keep("val/loss")
    for each in (again, by_loss):
        each.load_state_dict(by_probe.state_dict())
    assert (again.best, by_loss.best) == (0.7, None)
