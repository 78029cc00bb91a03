"""Two processes train as one does, and one of them speaks."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dermctl.core.data.prepare import prepare
from dermctl.machine import available_cores
from dermctl.workspace import Workspace
from tests.conftest import ROOT
from tests.core.data.clinic import make_clinic

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(available_cores() < 2, reason="two processes need two cores"),
]

SMALL = [
    "--encoder=vit_tiny_patch16_224",
    "--image-size=32",
    "--batch-size=6",
    "--epochs=2",
    "--lr=1e-4",
    "--accelerator=cpu",
    "--workers=0",
    "--json",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a prepared dataset whose 9 validation images two processes cannot halve."""
    folder = tmp_path_factory.mktemp("two")
    prepare(Workspace(folder), make_clinic(folder).request(val=0.25, test=0.2))
    return folder


def run(root: Path, devices: int, *words: str) -> tuple[dict[str, Any], str, list[dict[str, str]]]:
    """Train; what it prints as JSON, what it says, and its log."""
    line = ["-m", "dermctl", *words, *SMALL, f"--devices={devices}", f"--name=of-{devices}"]
    done = subprocess.run(
        [sys.executable, *line, "--workspace", str(root)],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)  # one document: a second one would be no JSON
    with (Path(result["run"]) / "metrics.csv").open() as file:
        return result, done.stderr, list(csv.DictReader(file))


def values(rows: list[dict[str, str]], name: str) -> list[float]:
    return [float(row[name]) for row in rows if row.get(name)]


def test_pretraining_gives_the_same_losses(root: Path) -> None:
    _, _, one = run(root, 1, "pretrain")
    result, said, two = run(root, 2, "pretrain")
    assert len(values(one, "train/loss")) == 2 * (result["images"] // 6)
    assert values(two, "train/loss") == pytest.approx(values(one, "train/loss"), rel=1e-3)
    assert len(values(one, "val/loss")) == 2
    assert values(two, "val/loss") == pytest.approx(values(one, "val/loss"), rel=1e-3)
    assert "2 CPU processes" in said
    for noise in ("Warning", "deprecated", "GLOBAL_RANK", "Traceback"):
        assert noise not in said
    runs = [path.name for path in (root / "runs").iterdir()]
    assert len([name for name in runs if name.endswith("of-2")]) == 1


def test_fine_tuning_logs_one_set_of_scores(root: Path) -> None:
    result, _, rows = run(root, 2, "finetune", "--from=none")
    scores = values(rows, "val/balanced_accuracy")
    assert len(scores) == 2
    assert result["best"] == pytest.approx(max(scores))
