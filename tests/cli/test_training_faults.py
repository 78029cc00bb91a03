"""What goes wrong in a training, as a user meets it: exit code 1, one line, and the run goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner, Result

from dermctl.cli.main import app
from dermctl.core.data.prepare import prepare
from dermctl.methods.joint_embedding import JointEmbedding
from dermctl.workspace import Workspace
from tests.core.data.clinic import make_clinic

BATCH, EPOCHS = 4, 3
STEPS = 4
"""Of an epoch: 18 images."""
SPOILT = STEPS + 1
"""The step, from 0, that goes wrong: the second of the second epoch."""
Train = Callable[..., Result]
AtStep = Callable[[JointEmbedding], None]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("faults")
    prepare(Workspace(root), make_clinic(root).request(val=0.2, test=0.2))
    return Workspace(root)


def train(workspace: Workspace, name: str, *words: str) -> Result:
    settings = f"--encoder test_vit --image-size 32 --accelerator cpu --batch-size {BATCH}"
    start = ["--workspace", str(workspace.root), "pretrain", "--data", "clinic", "--name", name]
    workers = [] if "--workers" in words else ["--workers", "0"]
    rest = [*settings.split(), "--epochs", str(EPOCHS), "--probe-every", "0", *workers]
    return CliRunner().invoke(app, [*start, *rest, *words])


def one_line(result: Result, *parts: str) -> str:
    """The one line of error, with these parts, and no traceback."""
    assert result.exit_code == 1, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "fault of dermctl" not in result.stderr
    for part in parts:
        assert part in lines[0], lines[0]
    return lines[0]


def run_of(workspace: Workspace, name: str) -> Path:
    found = [folder for folder in workspace.run_folders() if folder.name.endswith(f"-{name}")]
    assert len(found) == 1
    return found[0]


def weights(run: Path) -> dict[str, torch.Tensor]:
    read = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    found: dict[str, torch.Tensor] = read["state_dict"]
    return found


@pytest.fixture(scope="module")
def whole(workspace: Workspace) -> dict[str, torch.Tensor]:
    """The weights of a training that nothing happened to."""
    assert train(workspace, "whole").exit_code == 0
    return weights(run_of(workspace, "whole"))


def goes_on(workspace: Workspace, name: str, whole: dict[str, torch.Tensor], *words: str) -> None:
    """The same command ends the run, with the weights of one that was never stopped."""
    result = train(workspace, name, *words)
    assert result.exit_code == 0, result.stderr
    run = run_of(workspace, name)
    assert f"going on with {run} from last.ckpt (step {STEPS}, " in result.stderr
    assert json.loads((run / "result.json").read_text())["steps"] == STEPS * EPOCHS
    after = weights(run)
    assert all(torch.equal(after[key], value) for key, value in whole.items())


def spoil(patched: pytest.MonkeyPatch, happens: AtStep) -> None:
    """Let something happen before one step."""
    plain = JointEmbedding.training_step

    def training_step(self: JointEmbedding, batch: Any, number: int) -> torch.Tensor:
        if self.global_step == SPOILT:
            happens(self)
        return plain(self, batch, number)

    patched.setattr(JointEmbedding, "training_step", training_step)


def test_a_loss_that_is_no_number(workspace: Workspace, whole: dict[str, torch.Tensor]) -> None:
    def no_number(module: JointEmbedding) -> None:
        with torch.no_grad():
            next(module.encoder.parameters()).fill_(torch.nan)

    with pytest.MonkeyPatch.context() as patched:
        spoil(patched, no_number)
        result = train(workspace, "nan")
    last = run_of(workspace, "nan") / "checkpoints" / "last.ckpt"
    line = one_line(result, f"nan at step {SPOILT + 1}", "epoch 2", f"Last good checkpoint: {last}")
    names = {f"clinic:{row['image_id']}" for row in manifest(workspace)}
    named = line.partition("with the images ")[2].partition(" [")[0].split(", ")
    assert len(named) == BATCH
    assert set(named) <= names
    goes_on(workspace, "nan", whole)


def manifest(workspace: Workspace) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(
        workspace.dataset("clinic") / "train.parquet", columns=["image_id"]
    ).to_pylist()
    return rows


def small_memory(patched: pytest.MonkeyPatch, images: int, *, from_step: int = 0) -> None:
    """The encoder has memory for the views of so many images."""
    plain = JointEmbedding.forward

    def forward(self: JointEmbedding, pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > 2 * images and self.global_step >= from_step:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return plain(self, pixels)

    patched.setattr(JointEmbedding, "forward", forward)


def test_a_full_memory(workspace: Workspace, whole: dict[str, torch.Tensor]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        small_memory(patched, 2, from_step=SPOILT)
        result = train(workspace, "memory")
    run = run_of(workspace, "memory")
    one_line(
        result,
        "the memory of the device is full [4 images at once]",
        "take --batch-size 2, or --micro-batch-size 2 at the same gradient",
        f"--resume {run} takes too",
    )
    goes_on(workspace, "memory", whole)


def test_what_a_full_memory_advises_goes_on_in_that_memory(workspace: Workspace) -> None:
    with pytest.MonkeyPatch.context() as patched:
        small_memory(patched, 2, from_step=SPOILT)
        one_line(train(workspace, "advice"), "--micro-batch-size 2")
        run = run_of(workspace, "advice")
        words = ["pretrain", "--resume", str(run), "--micro-batch-size", "2"]
        result = CliRunner().invoke(app, ["--workspace", str(workspace.root), *words])
    assert result.exit_code == 0, result.stderr
    assert json.loads((run / "result.json").read_text())["steps"] == STEPS * EPOCHS


@pytest.mark.slow
def test_a_dead_loader_process(workspace: Workspace, whole: dict[str, torch.Tensor]) -> None:
    """The real ones are killed from outside, as a system short of memory does."""

    def kill(_: JointEmbedding) -> None:
        for process in multiprocessing.active_children():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patched:
        spoil(patched, kill)
        result = train(workspace, "worker", "--workers", "1")
    died = "a loader process died, killed by signal Killed"
    one_line(result, died, "--workers", "goes on from the last checkpoint")
    goes_on(workspace, "worker", whole, "--workers", "1")


def test_a_disk_that_fills_during_a_checkpoint(
    workspace: Workspace, whole: dict[str, torch.Tensor]
) -> None:
    """No file may grow beyond a limit that logs keep and checkpoints do not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = (2**18, before[1])
    try:
        with pytest.MonkeyPatch.context() as patched:
            spoil(patched, lambda _: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
            result = train(workspace, "disk")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    checkpoints = run_of(workspace, "disk") / "checkpoints"
    last = checkpoints / "last.ckpt"
    one_line(result, "the disk is full", f"Last good checkpoint: {last}", "the same command again")
    assert {path.name for path in checkpoints.iterdir()} == {"best.ckpt", "last.ckpt"}
    goes_on(workspace, "disk", whole)


def test_an_empty_dataset(tmp_path: Path) -> None:
    prepare(Workspace(tmp_path), make_clinic(tmp_path).request(val=0.2, test=0.2))
    path = Workspace(tmp_path).dataset("clinic") / "train.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    for command in ("pretrain", "finetune"):
        words = ["--workspace", str(tmp_path), command, "--accelerator", "cpu"]
        result = CliRunner().invoke(app, words)
        one_line(result, "the train split", "is empty", str(path.parent), "--val")
    assert Workspace(tmp_path).run_folders() == []


def test_a_batch_larger_than_the_dataset(workspace: Workspace) -> None:
    before = workspace.run_folders()
    one_line(train(workspace, "batch", "--batch-size", "19"), "19", "--batch-size 18 or less")
    assert workspace.run_folders() == before


@pytest.mark.parametrize("command", ["pretrain", "finetune"])
def test_a_run_to_go_on_with_is_looked_for_first(tmp_path: Path, command: str) -> None:
    """Also where there is nothing to train on."""
    words = ["--workspace", str(tmp_path), command, "--resume", "nosuch"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "error: no such run [nosuch]" in result.stderr


def test_a_run_that_has_ended_or_differs_is_refused_before_images_are_looked_at(
    workspace: Workspace, whole: dict[str, torch.Tensor]
) -> None:
    run = str(run_of(workspace, "whole"))
    words = ["--workspace", str(workspace.root), "pretrain", "--resume", run]
    result = CliRunner().invoke(app, words)
    one_line(result, "this run has come to its end")
    assert result.stderr.count("\n") == 1, result.stderr
    (Path(run) / "result.json").rename(Path(run) / "kept.json")
    try:
        result = CliRunner().invoke(app, [*words, "--lr", "0.5"])
    finally:
        (Path(run) / "kept.json").rename(Path(run) / "result.json")
    one_line(result, "the run has other settings: lr ")
    assert result.stderr.count("\n") == 1, result.stderr


def test_weights_that_diverge_in_an_epochs_last_step(workspace: Workspace) -> None:
    """Their own loss was a number: what looks at them finds out."""

    def diverge(module: JointEmbedding) -> None:
        if module.global_step == STEPS:
            with torch.no_grad():
                next(module.encoder.parameters()).fill_(torch.inf)

    plain = JointEmbedding.on_train_batch_end
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            JointEmbedding, "on_train_batch_end", lambda self, *_: diverge(self) or plain(self, *_)
        )
        result = train(workspace, "diverged", "--probe-every", "1")
    one_line(result, f"val/loss is nan after step {STEPS}", "Try a lower --lr")
    assert not (run_of(workspace, "diverged") / "checkpoints").exists()
