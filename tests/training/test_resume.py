"""A training that was stopped, anywhere, ends with the very weights of one that was not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from dermctl.training.stopping import Interrupted
from tests.training.made import STEPS, logged, train


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, torch.Tensor], Path]:
    """The weights and the folder of a training that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    return train(folder)[1], folder


class Killed(Exception):
    """Stands for a kill: nothing of ours reacts to it."""


def kill_at(phase: str, step: int):
    calls = {"n": 0}

    def at(now: str, number: int) -> None:
        if (now, number) == (phase, step):
            raise Killed

    return at


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("phase", "step"),
    [("train", n) for n in range(1, 3 * STEPS)] + [("val", STEPS), ("val", 3 * STEPS)],
)
def test_killed_at_each_step_and_in_validation(tmp_path, whole, phase, step) -> None:
    weights, folder = whole
    with pytest.raises(Killed):
        train(tmp_path, kill_at(phase, step))
    trainer, resumed = train(tmp_path, resume=tmp_path / "checkpoints" / "last.ckpt")
    assert same(resumed, weights)
    assert trainer.global_step == 3 * STEPS
    assert logged(tmp_path) == logged(folder)
    for name in ("best.ckpt", "last.ckpt"):
        one, two = (
            torch.load(path / "checkpoints" / name, weights_only=True)
            for path in (tmp_path, folder)
        )
        assert same(one["state_dict"], two["state_dict"]), name
