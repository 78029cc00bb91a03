"""`finetune`: from which weights, on what, and what is chosen on validation."""

from __future__ import annotations

import csv
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dermctl.checkpoint import read_checkpoint
from dermctl.config.resolve import resolve
from dermctl.config.trainings import FinetuneConfig
from dermctl.core.finetune import Finetuned, finetune
from dermctl.core.finetuning import full
from dermctl.core.finetuning import start as module
from dermctl.core.finetuning.plan import plan_finetuning
from dermctl.datasets.prepared import load_split
from dermctl.errors import CheckpointError, ConfigError, DataError
from dermctl.models.restore import restore_classifier, restore_encoder
from dermctl.views.presets import preset
from tests.conftest import TINY, Trained
from tests.told import Told

CONFIG = FinetuneConfig(**TINY)


@pytest.fixture
def start(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, Told]]:
    """Only look up what would be trained from."""

    def look(**changes: Any) -> tuple[Any, Told]:
        told = Told()
        return module.choose_start(trained.workspace, replace(CONFIG, **changes), told), told

    return look


def test_a_run_says_where_it_comes_from(trained: Trained) -> None:
    result = trained.finetuned
    assert result.source == str(trained.pretrained.checkpoint)
    assert result.classes == ("melanoma", "nevus")
    assert result.images == len(load_split(trained.workspace.dataset("clinic"), "train"))
    assert resolve(FinetuneConfig, file=result.run / "config.yaml") == CONFIG
    provenance = json.loads((result.run / "provenance.json").read_text())
    assert provenance["command"] == "finetune"
    assert provenance["from"] == result.source
    assert provenance["cache"].startswith("images are decoded anew each epoch: 0.1 MiB decoded")
    assert provenance["augmentation"] == json.loads(json.dumps(asdict(preset("supervised"))))
    assert json.loads(json.dumps(result.to_json()))["best"] == result.best
    assert trained.workspace.newest_checkpoint("finetune") == result.checkpoint


def test_the_best_is_the_best_of_the_log(trained: Trained) -> None:
    with (trained.finetuned.run / "metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row.get("val/balanced_accuracy")]
    values = [float(row["val/balanced_accuracy"]) for row in rows]
    assert len(values) == CONFIG.epochs
    assert trained.finetuned.best == pytest.approx(max(values))
    assert trained.finetuned.scores == {"val/balanced_accuracy": trained.finetuned.best}


def test_without_from_the_newest_pretraining_is_taken(start: Any, trained: Trained) -> None:
    found, told = start()
    assert found.source == str(trained.pretrained.checkpoint)
    assert (found.name, found.image_size) == ("vit_tiny_patch16_224", 32)
    assert f"no --from given: {trained.pretrained.checkpoint}" in told.said[0]
    state = read_checkpoint(trained.pretrained.checkpoint).state
    for key, value in found.encoder.state_dict().items():
        assert torch.equal(value, state[f"encoder.{key}"])


def test_few_labels_start_where_no_label_has_chosen(start: Any, trained: Trained) -> None:
    best = trained.pretrained.checkpoint
    last = best.with_name("last.ckpt")
    assert best.name == "best.ckpt"
    found, told = start(label_fraction=0.5)
    assert found.source == str(last)
    assert "its last epoch" in told.said[0]
    found, told = start(label_fraction=0.5, from_checkpoint=str(best))
    assert found.source == str(best), "what is named is taken"
    assert f"--from {last}" in told.said[0]
    assert start(from_checkpoint=str(best))[1].said == []
    assert start(label_fraction=0.5, from_checkpoint=str(last))[1].said == []


def test_from_none_is_a_random_start(start: Any) -> None:
    found, told = start(from_checkpoint="none", encoder="resnet18")
    assert (found.name, found.source) == ("resnet18", "random initialisation")
    assert told.said == []


def test_an_encoder_that_was_not_pretrained_starts_at_random(start: Any) -> None:
    found, told = start(encoder="resnet18", image_size=0)
    assert (found.name, found.image_size, found.source) == (
        "resnet18",
        224,
        "random initialisation",
    )
    assert "is no resnet18" in told.said[0]


def test_another_image_size_resamples(start: Any) -> None:
    found, _ = start(image_size=48)
    assert found.image_size == 48
    assert found.encoder.state_dict()["pos_embed"].shape == (1, 1 + 3 * 3, 192)
    with pytest.raises(ConfigError, match="50 px"):
        start(image_size=50)


def test_an_encoder_that_contradicts_the_checkpoint(start: Any, trained: Trained) -> None:
    with pytest.raises(CheckpointError, match="vit_tiny_patch16_224, not resnet18"):
        start(from_checkpoint=str(trained.pretrained.checkpoint), encoder="resnet18")


@pytest.fixture(scope="module")
def linear(trained: Trained) -> Finetuned:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the user could not act on Lightning's
        return finetune(trained.workspace, replace(CONFIG, mode="linear", monitor="val/loss"))


def test_a_linear_probe_leaves_the_encoder_alone(trained: Trained, linear: Finetuned) -> None:
    read, before = (read_checkpoint(p) for p in (linear.checkpoint, trained.pretrained.checkpoint))
    assert read.about.kind == "finetune"
    for key, value in restore_encoder(read).state_dict().items():
        assert torch.equal(value, before.state[f"encoder.{key}"])
    assert read.state["classifier.weight"].shape == (2, 192)


def test_a_linear_probe_logs_each_cost_it_tried(linear: Finetuned) -> None:
    with (linear.run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["val/loss"]) for row in rows]
    assert len({row["C"] for row in rows}) == len(rows) > 3
    assert linear.best == pytest.approx(min(losses))
    assert linear.scores["val/loss"] == linear.best


def test_a_batch_larger_than_the_data_is_made_smaller(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def look(trainer: Any, network: Any, data: Any, **_: Any) -> None:
        seen["batch"] = next(iter(data.train_dataloader()))
        raise KeyboardInterrupt

    monkeypatch.setattr(full, "fit", look)
    told = Told()
    with pytest.raises(KeyboardInterrupt):
        finetune(trained.workspace, replace(CONFIG, batch_size=64), told)  # type: ignore[arg-type]
    assert seen["batch"]["images"].shape == (18, 32, 32, 3)
    assert "the batch is 18 images: there are no more" in told.said


def test_a_missing_dataset_or_checkpoint(trained: Trained) -> None:
    with pytest.raises(DataError, match="no prepared dataset 'isic'"):
        finetune(trained.workspace, replace(CONFIG, data="isic"))
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        finetune(trained.workspace, replace(CONFIG, from_checkpoint="nowhere.ckpt"))


def test_a_vote_of_neighbours_is_saved_as_a_model(trained: Trained) -> None:
    result = finetune(trained.workspace, replace(CONFIG, mode="knn"))
    read = read_checkpoint(result.checkpoint)
    assert read.about.head["kind"] == "knn"
    model = restore_classifier(read)
    assert len(read.state["classifier.bank"]) == result.images
    with torch.no_grad():
        logits = model(torch.zeros(2, 3, 32, 32))
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(2))
    with (result.run / "metrics.csv").open() as file:
        tried = {
            float(row["k"]): float(row["val/balanced_accuracy"]) for row in csv.DictReader(file)
        }
    assert result.best == pytest.approx(max(tried.values()))


def test_lp_ft_starts_where_the_probe_ended(
    trained: Trained, linear: Finetuned, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {}

    def look(trainer: Any, network: Any, data: Any, **_: Any) -> None:
        seen["head"] = network.classifier.state_dict()
        seen["training"] = network.encoder.training
        raise KeyboardInterrupt

    monkeypatch.setattr(full, "fit", look)
    with pytest.raises(KeyboardInterrupt):
        finetune(trained.workspace, replace(CONFIG, mode="lp-ft", monitor="val/loss"))
    state = read_checkpoint(linear.checkpoint).state
    for name, value in seen["head"].items():
        torch.testing.assert_close(value, state[f"classifier.{name}"])
    assert seen["training"]


def test_everything_at_once_trains(trained: Trained) -> None:
    """Moving average, mixing, decay by layer, focal loss, balanced sampling, early stop."""
    config = replace(
        CONFIG,
        epochs=3,
        ema=0.5,
        mixup=0.2,
        cutmix=1.0,
        layer_decay=0.75,
        drop_path=0.1,
        label_smoothing=0.1,
        loss="focal",
        sampling="balanced",
        patience=1,
        label_fraction=0.8,
    )
    result = finetune(trained.workspace, config)
    assert result.images < len(load_split(trained.workspace.dataset("clinic"), "train"))
    assert restore_classifier(read_checkpoint(result.checkpoint)) is not None
    assert result.source.endswith("last.ckpt")


def test_a_moving_average_is_what_is_saved(trained: Trained) -> None:
    """Two steps, the average of which stays where the first one ended."""
    result = finetune(trained.workspace, replace(CONFIG, ema=0.99999, lr=0.5))
    key = "encoder.blocks.0.mlp.fc1.weight"
    saved = read_checkpoint(result.checkpoint).state[key]
    latest = torch.load(result.checkpoint, weights_only=True)["current_model_state"][key]
    before = read_checkpoint(trained.pretrained.checkpoint).state[key]
    assert (saved - before).abs().median() == pytest.approx(0.5, rel=0.1)  # one step of AdamW
    assert (latest - saved).abs().max() > 0.1


def test_the_plan_tells_cublas_in_time(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    config = FinetuneConfig(**TINY, deterministic=True)
    plan_finetuning(trained.workspace, config, Told())
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
