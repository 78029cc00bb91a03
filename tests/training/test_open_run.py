"""Which run a training goes into is found, or refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from dermctl.config.resolve import resolve
from dermctl.config.trainings import PretrainConfig
from dermctl.errors import ConfigError, DataError, TrainingError, UsageFault
from dermctl.runs import finish_run
from dermctl.training import Opened, open_run, resume
from tests.told import Told

CONFIG = PretrainConfig(epochs=7)
FACTS: dict[str, Any] = {"manifests": {"a/train": "00"}, "left_out": {"images": 0}, "hardware": "x"}


def opened(
    runs: Path, told: Told | None = None, *, facts: dict[str, Any] = FACTS, **changes: Any
) -> Opened:
    config = replace(CONFIG, **changes)
    return open_run(runs, config.name or "x", "pretrain", config, facts, told or Told())


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A run with a checkpoint and no end."""
    folder = opened(tmp_path).folder
    (folder / "checkpoints").mkdir()
    torch.save({"epoch": 2, "global_step": 40}, folder / "checkpoints" / "last.ckpt")
    return folder


def test_a_stopped_run_of_the_same_settings_goes_on(stopped: Path) -> None:
    told = Told()
    found = opened(stopped.parent, told, workers=3, checkpoint_every=1.0)
    assert found == (stopped, stopped / "checkpoints" / "last.ckpt")
    assert len(told.said) == 1
    for part in (str(stopped), "step 40, epoch 3", "--no-resume", "--name"):
        assert part in told.said[0]
    assert '"resumed"' in (stopped / "provenance.json").read_text()


@pytest.mark.parametrize(
    ("used", "said"),
    [(True, "is under way in another process"), (None, "cannot be told on this file system")],
)
def test_a_run_that_may_be_under_way_goes_on_only_by_name(
    stopped: Path, monkeypatch: pytest.MonkeyPatch, used: bool | None, said: str
) -> None:
    monkeypatch.setattr(resume, "in_use", lambda _: used)
    told = Told()
    assert opened(stopped.parent, told).folder != stopped
    assert said in told.said[0]
    assert opened(stopped.parent, resume=str(stopped)).folder == stopped


@pytest.mark.parametrize(
    "changes",
    [
        {"anew": True},
        {"name": "y"},
        {"lr": 0.1},
        {"facts": {**FACTS, "manifests": {}}},
        {"facts": {**FACTS, "init": "derm (zoo, sha256 abababababab)"}},
    ],
)
def test_other_settings_or_data_start_anew(stopped: Path, changes: dict[str, Any]) -> None:
    found = opened(stopped.parent, **changes)
    assert found.folder != stopped
    assert found.checkpoint is None


def test_an_ended_run_does_not_go_on(stopped: Path) -> None:
    finish_run(stopped, {})
    assert opened(stopped.parent).folder != stopped
    with pytest.raises(TrainingError, match="come to its end"):
        opened(stopped.parent, resume=stopped.name)


@pytest.mark.parametrize("by", ["name", "path"])
def test_a_run_can_be_named(stopped: Path, by: str) -> None:
    named = stopped.name if by == "name" else str(stopped)
    assert opened(stopped.parent, resume=named, devices=2).folder == stopped


def test_a_named_run_must_fit(stopped: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(stopped.parent, resume=stopped.name, lr=0.1, epochs=9)
    assert "epochs 7, not 9" in str(caught.value)
    assert "lr 0.0005, not 0.1" in str(caught.value)
    with pytest.raises(DataError, match="manifests"):
        opened(stopped.parent, resume=stopped.name, facts={**FACTS, "manifests": {}})
    with pytest.raises(UsageFault, match="no such run"):
        opened(stopped.parent, resume="nowhere")
    config = replace(CONFIG, resume=stopped.name)
    with pytest.raises(UsageFault, match="a run of pretrain, not of finetune"):
        open_run(stopped.parent, "x", "finetune", config, FACTS, Told())


def test_what_a_run_keeps_is_a_valid_config(tmp_path: Path) -> None:
    folder = opened(tmp_path, anew=True).folder
    assert resolve(PretrainConfig, file=folder / "config.yaml") == CONFIG
