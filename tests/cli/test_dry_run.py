"""What a dry run shows, and that it leaves nothing behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from dermctl.cli.dry_run import readable_time
from dermctl.cli.main import app
from tests.conftest import TINY, Trained

SMALL = [
    word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))
]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 s"),
        (59.2, "59 s"),
        (61, "1 min"),
        (59.6 * 60, "1 h"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (24 * 3600, "1 d"),
        (53 * 3600, "2 d 5 h"),
    ],
)
def test_times_for_people(seconds: float, shown: str) -> None:
    assert readable_time(seconds) == shown


def tried(trained: Trained, command: str, *words: str) -> Any:
    """The document of a dry run; no file of the workspace has changed by it."""
    root = trained.workspace.root
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    start = ["--workspace", str(root), command, "--dry-run", "--encoder", "test_vit", *SMALL]
    result = CliRunner().invoke(app, [*start, *words, "--json"])
    assert result.exit_code == 0, result.stderr
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    return json.loads(result.stdout)


def finetuned(trained: Trained, *words: str) -> Any:
    return tried(trained, "finetune", "--from", "none", *words)


def test_pretraining(trained: Trained) -> None:
    found = tried(trained, "pretrain", "--epochs", "7")
    assert found["steps"] == 2 * 7
    assert "pretrain test_vit (simclr) on 18 images of clinic" in found["what"]


def test_a_full_fine_tuning(trained: Trained) -> None:
    found = finetuned(trained, "--epochs", "7", "--ema", "0.9", "--augmentation", "clinical")
    assert found["steps"] == 2 * 7
    assert found["what"].startswith("train encoder and head for 7 epochs: test_vit")
    assert found["seconds"] == pytest.approx(found["steps"] * 8 / found["images_per_second"])


def test_several_trainings_take_as_often_as_long(trained: Trained) -> None:
    found = finetuned(trained, "--seeds", "3")
    assert (found["trainings"], found["steps"]) == (3, 3 * 2)
    assert found["seconds"] == pytest.approx(3 * 2 * 8 / found["images_per_second"])


def test_modes_that_fit_a_head(trained: Trained) -> None:
    probe = finetuned(trained, "--mode", "linear")
    assert probe["what"].startswith("embed 24 images once and fit a logistic regression for each C")
    assert probe["steps"] == 0
    assert probe["parameters"] == (64 + 1) * 2
    assert probe["seconds"] == pytest.approx(24 / probe["images_per_second"])
    assert finetuned(trained, "--mode", "knn")["parameters"] == 0


def test_the_probe_first_then_all(trained: Trained) -> None:
    found = finetuned(trained, "--mode", "lp-ft", "--epochs", "7")
    assert "logistic regression for each C, and from there train encoder" in found["what"]
    assert found["steps"] == 2 * 7
    assert found["seconds"] > found["steps"] * 8 / found["images_per_second"]


def test_it_refuses_what_the_training_would(trained: Trained) -> None:
    words = ["finetune", "--from", "none", "--dry-run", "--folds", "1"]
    result = CliRunner().invoke(app, ["--workspace", str(trained.workspace.root), *words])
    assert result.exit_code == 2
    assert "one fold is no cross-validation" in result.stderr


def test_what_a_person_sees(trained: Trained) -> None:
    words = ["finetune", "--from", "none", "--encoder", "test_vit", "--dry-run", "--seeds", "2"]
    result = CliRunner().invoke(app, ["--workspace", str(trained.workspace.root), *words, *SMALL])
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stdout.split())
    assert "Dry run: all is well, nothing was written" in shown
    assert "0.3 M trained" in shown
    assert "4 steps, about" in shown
    assert "2 trainings in all" in shown
