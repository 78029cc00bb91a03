"""A pretraining on a GPU: no step waits for the device, and one that was stopped goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.callbacks import Callback

from dermctl.config.trainings import PretrainConfig
from dermctl.core import pretrain as module
from dermctl.core.data.prepare import prepare
from dermctl.core.pretrain import pretrain
from dermctl.training import make_trainer
from dermctl.training.stopping import Interrupted
from dermctl.workspace import Workspace
from tests.core.data.clinic import make_clinic

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

STEPS = 9
"""Of an epoch: 18 images, two a step."""
CONFIG = PretrainConfig(
    encoder="test_vit", image_size=32, batch_size=2, epochs=2, workers=0, accelerator="gpu",
    devices=1, probe_every=0, checkpoint_every=0.0, cache="device", compile="off",
)  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    prepare(Workspace(tmp_path), make_clinic(tmp_path).request(val=0.2, test=0.2))
    return Workspace(tmp_path)


def add(patched: pytest.MonkeyPatch, callback: Callback) -> None:
    """Let a callback, called after all others, look at the trainings that follow."""

    def make(*args: Any, **more: Any) -> Any:
        return make_trainer(*args, callbacks=(callback,), **more)

    patched.setattr(module, "make_trainer", make)


class NoWaiting(Callback):
    """From the second step of the second epoch to the last but one, what waits is an error."""

    def __init__(self) -> None:
        self.steps = 0

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """The step whose loss is read, the first and the last of an epoch, may wait."""
        if trainer.current_epoch == 1:
            place = trainer.global_step - STEPS
            self.steps += 1 < place < STEPS
            torch.cuda.set_sync_debug_mode("error" if place < STEPS - 1 else "default")


@pytest.fixture
def may_wait_again() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.fixture(autouse=True)
def compiled_anew() -> None:
    """Else the trainings of a process share one limit of compilations, and later ones have none."""
    torch._dynamo.reset()


@pytest.mark.usefixtures("may_wait_again")
@pytest.mark.parametrize("compiled", ["off", "auto"])
@pytest.mark.parametrize("micro_batch", [0, 1])
@pytest.mark.parametrize(("cache", "workers"), [("device", 0), ("none", 1)])
def test_no_step_waits_for_the_device(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    compiled: str,
    micro_batch: int,
    cache: str,
    workers: int,
) -> None:
    seen = NoWaiting()
    add(monkeypatch, seen)
    config = replace(
        CONFIG, compile=compiled, micro_batch_size=micro_batch, cache=cache, workers=workers
    )
    assert pretrain(workspace, config).steps == 2 * STEPS
    assert seen.steps == STEPS - 2


class StopsItself(Callback):
    """Sends this process a signal in one step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        """``self.step`` steps are done."""
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def free_algorithms_again() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("free_algorithms_again")
@pytest.mark.parametrize("step", [STEPS + 3, STEPS - 1], ids=["mid-epoch", "at an epoch's end"])
def test_deterministic_goes_on_to_the_same_bits(workspace: Workspace, step: int) -> None:
    config = replace(CONFIG, deterministic=True)
    whole = pretrain(workspace, replace(config, name="whole")).run
    with pytest.MonkeyPatch.context() as patched:
        add(patched, StopsItself(step))
        with pytest.raises(Interrupted):
            pretrain(workspace, replace(config, name="stopped"))
    resumed = pretrain(workspace, replace(config, name="stopped")).run
    assert resumed.name.endswith("stopped")
    wanted, found = (
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in (whole, resumed)
    )
    assert all(torch.equal(found[name], value) for name, value in wanted.items())
