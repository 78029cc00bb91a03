"""`pretrain`: what it trains on, what it leaves behind, and what it refuses before it starts."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dermctl.checkpoint import read_checkpoint
from dermctl.config.resolve import resolve
from dermctl.config.trainings import PretrainConfig
from dermctl.core import pretraining_plan as module
from dermctl.core.left_out import LeftOut
from dermctl.core.pretrain import pretrain
from dermctl.datasets.prepared import load_split
from dermctl.errors import CheckpointError, ConfigError, DataError
from dermctl.training import Hardware, Loaders
from dermctl.workspace import Workspace
from tests.conftest import TINY, Trained
from tests.told import Told

CONFIG = PretrainConfig(
    encoder="vit_tiny_patch16_224", projector_hidden=32, projector_dim=16, **TINY
)


def test_a_run_is_one_folder_with_all_that_made_it(trained: Trained) -> None:
    run = trained.pretrained.run
    assert run.parent == trained.workspace.runs
    assert {path.name for path in run.iterdir()} >= {
        "config.yaml",
        "provenance.json",
        "checkpoints",
        "metrics.csv",
    }
    assert any(path.name.startswith("events.out.tfevents") for path in run.iterdir())
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert resolve(PretrainConfig, file=run / "config.yaml") == CONFIG
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["command"] == "pretrain"
    assert provenance["seed"] == 0
    folder = trained.workspace.dataset("clinic")
    assert provenance["manifests"] == {
        f"clinic/{name}": load_split(folder, name).sha256 for name in ("train", "val")
    }
    assert provenance["packages"]["torch"] != "not installed"


def test_the_result_says_what_was_done(trained: Trained) -> None:
    result = trained.pretrained
    train = load_split(trained.workspace.dataset("clinic"), "train")
    assert result.images == len(train) == 18
    assert result.steps == len(train) // TINY["batch_size"]
    assert result.datasets == ("clinic",)
    assert result.checkpoint == result.run / "checkpoints" / "best.ckpt"
    assert json.loads(json.dumps(result.to_json()))["val_loss"] == result.val_loss
    with (result.run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["train/loss"]) for row in rows if row["train/loss"]][-1] == pytest.approx(
        result.train_loss
    )
    assert [float(row["val/loss"]) for row in rows if row.get("val/loss")] == [
        pytest.approx(result.val_loss)
    ]
    assert result.monitor is not None
    scores = {int(row["step"]) + 1: row[result.monitor] for row in rows if row[result.monitor]}
    assert result.best_step is not None
    assert result.best == pytest.approx(float(scores[result.best_step]))
    assert result.best == pytest.approx(max(map(float, scores.values())))


def test_the_checkpoint_says_what_it_is(trained: Trained) -> None:
    about = read_checkpoint(trained.pretrained.checkpoint).about
    assert (about.kind, about.encoder, about.image_size) == ("pretrain", CONFIG.encoder, 32)
    assert (about.classes, about.datasets, about.synthetic) == ((), ("clinic",), False)
    assert about.store_size == 32


def test_a_batch_larger_than_the_data(trained: Trained) -> None:
    with pytest.raises(DataError, match="a batch of 19 images") as caught:
        pretrain(trained.workspace, replace(CONFIG, batch_size=19))
    assert "--batch-size 18" in str(caught.value)


def test_patience_needs_validation_images(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_val(workspace: Workspace, train: object, val: object, progress: object) -> object:
        return train, [], LeftOut(())

    monkeypatch.setattr(module, "_without_held_out", without_val)
    with pytest.raises(ConfigError, match="no epoch is better than another") as caught:
        pretrain(trained.workspace, replace(CONFIG, patience=3))
    assert caught.value.where == "--patience"


def test_a_checkpoint_of_another_encoder_is_refused(trained: Trained) -> None:
    config = replace(CONFIG, encoder="resnet18", init=str(trained.pretrained.checkpoint))
    with pytest.raises(CheckpointError, match="vit_tiny_patch16_224") as caught:
        pretrain(trained.workspace, config)
    assert "--encoder vit_tiny_patch16_224" in str(caught.value)


def test_nothing_is_left_of_a_run_that_could_not_start(trained: Trained) -> None:
    before = trained.workspace.run_folders()
    changes: list[dict[str, Any]] = [{"batch_size": 19}, {"encoder": "vit"}, {"image_size": 50}]
    changes += [{"name": "../x"}, {"devices": 2, "batch_size": 5}]
    for change in changes:
        with pytest.raises(Exception, match=r".") as caught:
            pretrain(trained.workspace, replace(CONFIG, **change))
        assert hasattr(caught.value, "hint"), caught.value
    assert trained.workspace.run_folders() == before


def fake_dataset(workspace: Workspace, name: str, *, synthetic: bool) -> Path:
    folder = workspace.data / name
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps({"prepared_at": name, "synthetic": synthetic}))
    return folder


def test_real_and_synthetic_data_are_never_mixed_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    drawn = fake_dataset(workspace, "a", synthetic=True)
    monkeypatch.setattr(module, "_is_synthetic", lambda folder: folder == drawn)
    told = Told()
    assert module._datasets(workspace, (), told) == [drawn], "alone, it is what there is"
    real = fake_dataset(workspace, "b", synthetic=False)
    assert module._datasets(workspace, (), told) == [real]
    assert "left out, as it is synthetic: a" in told.said[-2]
    assert module._datasets(workspace, ("a", "b", "a"), told) == [drawn, real]


def test_the_plan_settles_what_the_hardware_asks_for(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    settle = module.settle_loaders

    def loaders(workers: int, hardware: Hardware, **batch: int) -> Loaders:
        asked["loaders"] = (workers, batch)
        return replace(settle(workers, hardware, **batch), note="fewer loaders")

    monkeypatch.setattr(module, "settle_loaders", loaders)
    monkeypatch.setattr(module, "check_replay", lambda *given: asked.update(replay=given[1:]))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    told = Told()
    config = replace(CONFIG, deterministic=True, micro_batch_size=2, cache="none")
    plan = module.plan_pretraining(trained.workspace, config, told)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert asked["loaders"] == (0, {"images": 2 * CONFIG.batch_size, "size": CONFIG.image_size})
    assert asked["replay"] == (plan.hardware, "--micro-batch-size")
    assert "fewer loaders" in told.said
    told = Told()
    module.plan_pretraining(trained.workspace, replace(config, cache="device"), told)
    assert "fewer loaders" not in told.said  # there are none
