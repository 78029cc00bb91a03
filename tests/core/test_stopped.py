"""A pretraining that was stopped, in any way, ends with the very weights of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dermctl.config.trainings import PretrainConfig
from dermctl.core.data.prepare import prepare
from dermctl.core.pretrain import pretrain
from dermctl.machine import available_cores
from dermctl.workspace import Workspace
from tests.conftest import ROOT
from tests.core import stops_itself
from tests.core.data.clinic import make_clinic
from tests.told import Told

pytestmark = pytest.mark.slow

STEPS, EPOCHS = 4, 2
"""Of an epoch; and epochs."""
SETTINGS = {
    "encoder": "test_vit",
    "image_size": 32,
    "batch_size": 4,
    "epochs": EPOCHS,
    "projector_hidden": 16,
    "projector_dim": 8,
    "accelerator": "cpu",
    "checkpoint_every": 1e-5,  # minutes: at each step
}
MID_EPOCH = ("on_train_batch_start", STEPS + 2)
EPOCH_END = ("on_train_epoch_end", 2 * STEPS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a prepared dataset; one thread here, as in the processes started."""
    folder = tmp_path_factory.mktemp("stopped")
    prepare(Workspace(folder), make_clinic(folder).request(val=0.2, test=0.2))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield folder
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def whole(root: Path) -> Path:
    """The run of one process that was never stopped."""
    return train_here(root, "whole", workers=0)[0]


def train_here(root: Path, name: str, workers: int) -> tuple[Path, list[str]]:
    """Train in this process: the run's folder, and what was said."""
    told = Told()
    config = PretrainConfig(name=name, workers=workers, devices=1, **SETTINGS)  # type: ignore[arg-type]
    return pretrain(Workspace(root), config, told).run, told.said


def train_there(
    root: Path, name: str, workers: int, devices: int, *program: str
) -> tuple[int, str]:
    """Train by the command line: the exit code, and what was said."""
    settings = {**SETTINGS, "name": name, "workers": workers, "devices": devices}
    words = [f"--{key.replace('_', '-')}={value}" for key, value in settings.items()]
    done = subprocess.run(
        [sys.executable, *program, "pretrain", *words, f"--workspace={root}"],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    return done.returncode, done.stderr


def stopping(number: signal.Signals, hook: str, step: int) -> tuple[str, ...]:
    """A program that is ``dermctl``, stopped there."""
    return (stops_itself.__file__, number.name, hook, str(step))


def run_of(root: Path, name: str) -> Path:
    """The one run of that name."""
    (found,) = (root / "runs").glob(f"*-{name}")
    return found


def steps_saved(run: Path) -> int:
    """Steps done when the last checkpoint was made."""
    step = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"]
    assert isinstance(step, int)
    return step


def assert_same(run: Path, whole: Path) -> None:
    """The same weights to the bit, last and best, and the same rows of the log."""
    assert (run / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()
    for name in ("last", "best"):
        one, two = (
            torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]
            for folder in (run, whole)
        )
        assert one.keys() == two.keys()
        assert [key for key in one if not torch.equal(one[key], two[key])] == []
    assert steps_saved(run) == EPOCHS * STEPS


@pytest.mark.parametrize(
    ("workers", "number", "moment", "saved"),
    [
        (0, signal.SIGKILL, MID_EPOCH, STEPS + 2),
        (2, signal.SIGTERM, MID_EPOCH, STEPS + 3),  # the step under way is finished and saved
        (2, signal.SIGKILL, MID_EPOCH, STEPS + 2),
        (0, signal.SIGKILL, EPOCH_END, 2 * STEPS - 1),  # the epoch's own checkpoint is not made
        (2, signal.SIGKILL, EPOCH_END, 2 * STEPS - 1),
    ],
    ids=[
        "killed mid-epoch",
        "SIGTERM mid-epoch, 2 workers",
        "killed mid-epoch, 2 workers",
        "killed at an epoch's end",
        "killed at an epoch's end, 2 workers",
    ],
)
def test_one_process_goes_on(
    root: Path,
    whole: Path,
    workers: int,
    number: signal.Signals,
    moment: tuple[str, int],
    saved: int,
) -> None:
    name = f"{number.name}-{workers}-{moment[0]}"
    code, said = train_there(root, name, workers, 1, *stopping(number, *moment))
    assert code == (-number if number == signal.SIGKILL else 128 + number), said
    assert said.count("stopped by SIGTERM") == (number == signal.SIGTERM)
    stopped = run_of(root, name)
    assert steps_saved(stopped) == saved
    run, told = train_here(root, name, workers)
    assert run == stopped
    assert [line for line in told if line.startswith("going on with")]
    assert_same(run, whole)


@pytest.fixture(scope="module")
def two_whole(root: Path) -> Path:
    """The run of two processes that was never stopped."""
    code, said = train_there(root, "two-whole", 0, 2, "-m", "dermctl")
    assert code == 0, said
    return run_of(root, "two-whole")


@pytest.mark.skipif(available_cores() < 2, reason="two processes need two cores")
@pytest.mark.parametrize(
    ("workers", "number", "moment", "saved"),
    [
        (0, signal.SIGTERM, MID_EPOCH, STEPS + 3),
        (2, signal.SIGKILL, MID_EPOCH, STEPS + 2),
        (0, signal.SIGKILL, EPOCH_END, 2 * STEPS - 1),
    ],
    ids=["SIGTERM mid-epoch", "killed mid-epoch, 2 workers", "killed at an epoch's end"],
)
def test_two_processes_go_on(
    root: Path,
    two_whole: Path,
    workers: int,
    number: signal.Signals,
    moment: tuple[str, int],
    saved: int,
) -> None:
    name = f"two-{number.name}-{workers}-{moment[0]}"
    code, said = train_there(root, name, workers, 2, *stopping(number, *moment))
    assert code == (-number if number == signal.SIGKILL else 128 + number), said
    assert said.count("stopped by SIGTERM") == (number == signal.SIGTERM)
    assert steps_saved(run_of(root, name)) == saved
    code, said = train_there(root, name, workers, 2, "-m", "dermctl")
    assert code == 0, said
    assert said.count("going on with") == 1
    assert_same(run_of(root, name), two_whole)


@pytest.mark.skipif(available_cores() < 2, reason="two processes need two cores")
def test_a_lost_process_is_said_by_one_that_waits_for_ever(root: Path, two_whole: Path) -> None:
    """As NCCL waits: Lightning ends all without a word."""
    hook, step = MID_EPOCH
    lost = stopping(signal.SIGKILL, f"other:{hook}", step)
    code, said = train_there(root, "lost", 0, 2, *lost)
    assert code == 1, said
    (line,) = (line for line in said.splitlines() if line.startswith("error: "))
    assert line == (
        "error: another process of the training ended before its time [2 processes]. Perhaps "
        "memory was short: take fewer --devices. The same command goes on from the last checkpoint"
    )
    assert said.splitlines()[-1] == line
    assert "Traceback" not in said
    code, said = train_there(root, "lost", 0, 2, "-m", "dermctl")
    assert code == 0, said
    assert_same(run_of(root, "lost"), two_whole)
