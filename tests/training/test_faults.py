"""What goes wrong in a training ends in one line that says what to do, and can be gone on from."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from dermctl.errors import TrainingError
from dermctl.progress import SilentProgress
from dermctl.runs import held, in_use
from dermctl.training.resume import newest_whole_checkpoint
from tests.told import Told
from tests.training import made
from tests.training.made import BATCH, STEPS, train


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """No file of this process may grow beyond that: a stand-in for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    weights = train(tmp_path / "whole")[1]
    run = tmp_path / "run"
    limit = small_files(4096)

    def fill(phase: str, step: int) -> None:
        if (phase, step) == ("train", STEPS + 1):
            limit.__enter__()

    try:
        with pytest.raises(TrainingError, match="the disk is full") as caught:
            train(run, fill)
    finally:
        limit.__exit__(None, None, None)
    last = run / "checkpoints" / "last.ckpt"
    assert f"Last good checkpoint: {last}" in str(caught.value)
    assert sorted(path.name for path in last.parent.iterdir()) == [
        "best.ckpt",
        "last.ckpt",
        "previous.ckpt",
    ], "nothing half is left"
    resumed = train(run, resume=last)[1]
    assert all(torch.equal(weights[key], resumed[key]) for key in weights)


@pytest.mark.parametrize("damage", ["cut", "bits", "empty"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    with pytest.raises(ZeroDivisionError):
        train(tmp_path, lambda phase, step: 1 // (STEPS + 2 - step) and None)
    last = tmp_path / "checkpoints" / "last.ckpt"
    told = Told()
    assert newest_whole_checkpoint(tmp_path, told) == (last, f"step {STEPS + 2}, epoch 2")
    data = bytearray(last.read_bytes())
    if damage == "bits":
        place = data.index(b"dermctl") if b"dermctl" in data else len(data) // 2
        data[place] ^= 0xFF
    last.write_bytes({"cut": data[:-100], "bits": data, "empty": b""}[damage])
    found = newest_whole_checkpoint(tmp_path, told)
    assert found == (last.with_name("previous.ckpt"), f"step {STEPS + 1}, epoch 2")
    assert "cannot be read as a checkpoint" in told.said[0]
    assert str(last) in told.said[0]


class Hungry(made.Module):
    """Has memory for three images."""

    tried: list[int]

    def training_step(self, batch: dict[str, torch.Tensor], number: int) -> torch.Tensor:
        self.tried.append(len(batch["index"]))
        if len(batch["index"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().training_step(batch, number)


def test_a_full_device_says_how_many_images_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(made, "Module", Hungry)
    monkeypatch.setattr(Hungry, "tried", [], raising=False)
    with pytest.raises(TrainingError, match="the memory of the device is full") as caught:
        train(tmp_path)
    assert "1 images at once fit: take --batch-size 1" in str(caught.value)
    assert "--micro-batch-size" not in str(caught.value), "this method takes no parts"
    assert Hungry.tried == [BATCH, 2, 1]


class Deadly(made.Vectors):
    """Its loader process is killed, as when memory is short."""

    def __getitems__(self, batch: Any) -> dict[str, torch.Tensor]:
        if batch.epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitems__(batch)


@pytest.mark.slow
def test_a_dead_loader_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "Vectors", Deadly)
    with pytest.raises(TrainingError, match="a loader process died") as caught:
        train(tmp_path, workers=1)
    assert "goes on from the last checkpoint" in str(caught.value)
    found = newest_whole_checkpoint(tmp_path, SilentProgress())
    assert found is not None


class AskedToEnd(made.Vectors):
    """Its loader process is asked to end, as by a signal to the whole group."""

    def __getitems__(self, batch: Any) -> dict[str, torch.Tensor]:
        if batch.epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().__getitems__(batch)


@pytest.mark.slow
def test_a_loader_process_leaves_it_to_the_training_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = train(tmp_path / "whole")[1]
    monkeypatch.setattr(made, "Vectors", AskedToEnd)
    asked = train(tmp_path / "asked", workers=1)[1]
    assert all(torch.equal(weights[key], asked[key]) for key in weights)


@pytest.mark.parametrize(
    "words",
    [
        "[/gloo/transport/tcp/pair.cc:545] Read error [127.0.0.1]:5: Connection reset by peer",
        "NCCL communicator was aborted on rank 1",
    ],
)
def test_a_lost_process_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    def lose(phase: str, step: int) -> None:
        if step == STEPS + 1:
            monkeypatch.setattr(pl.Trainer, "world_size", 2)
            raise RuntimeError(words)

    with pytest.raises(TrainingError, match="another process of the training ended") as caught:
        train(tmp_path, lose)
    assert "goes on from the last checkpoint" in str(caught.value)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit):
        train(tmp_path / "other", lambda *_: lose("train", STEPS + 1))


@pytest.mark.parametrize(
    "words",
    [
        "Caught RuntimeError in DataLoader worker process 0.\nTraceback …\nRuntimeError: unable to "
        "allocate shared memory(shm) for file </torch_1_2_3>: No space left on device (28)",
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
        "dataloader's workers are out of shared memory. Please try to raise your limit.",
    ],
)
def test_little_shared_memory_is_one_line(tmp_path: Path, words: str) -> None:
    def fill(phase: str, step: int) -> None:
        if step == STEPS + 1:
            raise RuntimeError(words)

    with pytest.raises(TrainingError, match="shared memory that loader processes") as caught:
        train(tmp_path, fill)
    assert "--shm-size" in str(caught.value)
    assert "goes on from the last checkpoint" in str(caught.value)


def test_a_disk_that_fills_between_checkpoints(tmp_path: Path) -> None:
    def fill(phase: str, step: int) -> None:
        if (phase, step) == ("train", 2):
            limit.__enter__()

    limit = small_files(100)
    try:
        with pytest.raises(TrainingError, match=r"a value could not be written: the disk is full"):
            train(tmp_path, fill, minutes=0)
    finally:
        limit.__exit__(None, None, None)


def test_a_run_is_held_by_one_training(tmp_path: Path) -> None:
    assert not in_use(tmp_path)
    with held(tmp_path):
        assert in_use(tmp_path)
        with pytest.raises(TrainingError, match="another process"), held(tmp_path):
            pass
    assert not in_use(tmp_path)


def test_a_checkpoint_of_no_trainer(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    torch.save({"state_dict": {}}, tmp_path / "checkpoints" / "last.ckpt")
    told = Told()
    assert newest_whole_checkpoint(tmp_path, told) is None
    assert "no training can go on" in told.said[0]
