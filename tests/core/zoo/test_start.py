"""Trainings that start from the zoo's encoder by its name: weights, normalisation and the gate."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dermctl.checkpoint import read_checkpoint, save_checkpoint
from dermctl.config.trainings import FinetuneConfig, PretrainConfig
from dermctl.core.finetune import finetune
from dermctl.core.finetuning.start import choose_start
from dermctl.core.pretrain import pretrain
from dermctl.core.zoo.add import add
from dermctl.datasets.prepared import load_split
from dermctl.errors import CheckpointError, LeakError
from dermctl.exposure import Exposure
from dermctl.models.initial import start_encoder
from dermctl.models.zoo.shelf import origin
from dermctl.workspace import Workspace
from tests.conftest import TINY, Trained
from tests.models.zoo.made import ENCODER, SIZE, save, seen
from tests.told import Told

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
"""Of the made checkpoint."""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """With the made encoder as `derm` in its zoo."""
    monkeypatch.delenv("DERMCTL_ZOO", raising=False)
    workspace = Workspace(tmp_path / "ours")
    add(workspace, "derm", save(tmp_path / "x.ckpt", exposure=seen()), license="MIT")
    return workspace


def test_init_takes_a_name(workspace: Workspace) -> None:
    start = start_encoder(ENCODER, SIZE, "derm", workspace.zoo)
    assert start.checkpoint is not None
    assert not start.foreign
    assert (start.mean, start.std) == (MEAN, STD)
    assert len(start.checkpoint.exposure) == 3
    for key, value in start.encoder.state_dict().items():
        assert torch.equal(value, start.checkpoint.state[f"encoder.{key}"])
    other = start_encoder(ENCODER, 2 * SIZE, str(workspace.zoo / "derm"))
    assert other.encoder.state_dict()["pos_embed"].shape[1] > positions_of(start.encoder)
    with pytest.raises(CheckpointError, match=f"holds {ENCODER}, not resnet10t"):
        start_encoder("resnet10t", SIZE, "derm", workspace.zoo)
    with pytest.raises(CheckpointError, match="Did you mean 'derm'"):
        start_encoder(ENCODER, SIZE, "drem", workspace.zoo)


def positions_of(encoder: torch.nn.Module) -> int:
    """Tokens that it has positions for."""
    return int(encoder.state_dict()["pos_embed"].shape[1])


def test_from_takes_a_name(workspace: Workspace) -> None:
    config = FinetuneConfig(from_checkpoint="derm", **TINY)
    start = choose_start(workspace, config, Told())
    assert (start.name, start.source) == (ENCODER, origin(workspace.zoo / "derm"))
    assert (start.mean, start.std) == (MEAN, STD)
    assert start.synthetic
    assert len(start.leaks) == 1
    assert (len(start.exposure), start.exposure.complete) == (3, True)
    with pytest.raises(CheckpointError, match="Did you mean 'derm'"):
        choose_start(workspace, replace(config, from_checkpoint="drem"), Told())
    weights = workspace.zoo / "derm" / "encoder.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    with pytest.raises(CheckpointError, match="SHA-256"):
        choose_start(workspace, config, Told())


def test_the_whole_way(trained: Trained, workspace: Workspace) -> None:
    """Pretrained from the zoo, fine-tuned from the zoo: normalisation, origin and record."""
    shutil.copytree(trained.workspace.data, workspace.data)
    told = Told()
    small = {"encoder": ENCODER, "init": "derm", "projector_hidden": 32, "projector_dim": 16}
    first = pretrain(workspace, PretrainConfig(**TINY, **small, probe_every=0), told)  # type: ignore[arg-type]
    where = origin(workspace.zoo / "derm")
    assert f"starting from {where}" in told.said
    assert json.loads((first.run / "provenance.json").read_text())["init"] == where
    read = read_checkpoint(first.checkpoint)
    assert (read.about.mean, read.about.std) == (MEAN, STD)
    assert len(read.exposure) == first.images + len(load_split(first_data(workspace), "val")) + 3
    add(workspace, "second", first.checkpoint, license="MIT")
    config = FinetuneConfig(from_checkpoint="second", mode="linear", **TINY)
    result = finetune(workspace, config)
    about = read_checkpoint(result.checkpoint).about
    assert (about.mean, about.std) == (MEAN, STD), "as the encoder is used to"
    assert result.source == origin(workspace.zoo / "second")
    assert json.loads((result.run / "provenance.json").read_text())["from"] == result.source


def first_data(workspace: Workspace) -> Path:
    """Its only dataset."""
    (folder,) = workspace.datasets()
    return folder


def test_what_was_seen_is_not_tested_on(trained: Trained, workspace: Workspace) -> None:
    shutil.copytree(trained.workspace.data, workspace.data)
    test = load_split(first_data(workspace), "test")
    read = read_checkpoint(trained.pretrained.checkpoint)
    path = workspace.root / "seen.ckpt"
    save_checkpoint(path, read.about, read.state, Exposure.of([test], []))
    add(workspace, "seen", path, license="MIT")
    config = FinetuneConfig(from_checkpoint="seen", **TINY)
    with pytest.raises(LeakError, match=f"{len(test)} of {len(test)}"):
        finetune(workspace, config)
    assert not workspace.run_folders()


def test_a_mistyped_name_is_said_before_any_image_is_looked_at(workspace: Workspace) -> None:
    with pytest.raises(CheckpointError, match="Did you mean 'derm'"):
        pretrain(workspace, PretrainConfig(init="drem", **TINY))  # there is no dataset either
