"""The demo, whole, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermctl.cli.main import app


@pytest.mark.slow
def test_the_demo_is_better_than_chance(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["demo", "--to", str(tmp_path / "demo"), "--json"])
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert len(shown["steps"]) == 6
    assert shown["chance"] == pytest.approx(1 / 6)
    evaluation = shown["evaluation"]
    assert evaluation["synthetic"] is True
    assert evaluation["balanced_accuracy"] > shown["chance"] + 0.05
    assert evaluation["auroc"] > 0.6
    for file in (shown["export"]["file"], Path(evaluation["folder"]) / "report.html"):
        assert Path(file).is_file()
