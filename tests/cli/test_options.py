"""What every command begins with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.cli.options import example

WORDS = ["config", "show", "pretrain", "--json"]


def test_of_several_processes_one_shows_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    assert json.loads(CliRunner().invoke(app, WORDS).stdout)["epochs"] == 100
    monkeypatch.setenv("LOCAL_RANK", "1")
    result = CliRunner().invoke(app, WORDS)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_workspace_of_the_flag_and_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("flag", "variable"):
        (tmp_path / name / "data" / f"of-{name}").mkdir(parents=True)
        (tmp_path / name / "data" / f"of-{name}" / "dataset.json").write_text("{}")
    monkeypatch.setenv("DERMCTL_WORKSPACE", str(tmp_path / "variable"))
    result = CliRunner().invoke(app, ["pretrain", "--data", "x"])
    assert "(prepared: of-variable)" in result.stderr
    words = ["pretrain", "--data", "x", "--workspace", str(tmp_path / "flag")]
    assert "(prepared: of-flag)" in CliRunner().invoke(app, words).stderr


def test_example_is_an_epilog() -> None:
    assert example("dermctl a", "dermctl b") == "Examples:\n\ndermctl a\n\ndermctl b"
