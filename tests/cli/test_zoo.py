"""``dermctl zoo``: what it prints, and what the other commands make of a name in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dermctl.cli.main import app
from tests.models.zoo.made import save, seen


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, and a checkpoint beside it."""
    for name in ("DERMCTL_ZOO", "DERMCTL_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return save(tmp_path / "x.ckpt", exposure=seen())


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def add(name: str = "derm-vit", *more: str) -> Result:
    return run("zoo", "add", name, "x.ckpt", "--license", "cc-by-4.0", *more)


def error(result: Result) -> str:
    """The one line of it."""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def test_an_empty_zoo_says_how_to_fill_it() -> None:
    result = run("zoo", "list")
    assert result.exit_code == 0
    assert "none yet" in result.stdout
    assert "dermctl zoo add NAME CKPT --license SPDX" in result.stdout
    assert not Path("zoo").exists(), "looking makes nothing"
    assert json.loads(run("zoo", "list", "--json").stdout)["encoders"] == []


def test_added_and_listed() -> None:
    result = add("derm-vit", "--cite", "Ann 2026")
    assert result.exit_code == 0, result.output
    for part in ("Added: derm-vit", "test_vit, 32 px", "CC-BY-4.0", "Ann 2026", "known, 3 images"):
        assert part in result.stdout
    assert "dermctl finetune --from derm-vit" in result.stdout
    shown = run("zoo", "list")
    (row,) = [line for line in shown.stdout.splitlines() if line.strip().startswith("derm-vit")]
    about = json.loads(Path("zoo/derm-vit/about.json").read_text())
    for part in ("test_vit", "32", "clinic", "CC-BY-4.0", about["sha256"][:12], "known, 3 images"):
        assert part in row
    assert "synthetic" in row
    (listed,) = json.loads(run("zoo", "list", "--json").stdout)["encoders"]
    assert listed["sha256"] == about["sha256"]
    assert listed["folder"] == "zoo/derm-vit"


def test_a_damaged_entry_is_said() -> None:
    assert add().exit_code == 0
    Path("zoo/derm-vit/about.json").write_text("{")
    result = run("zoo", "list")
    assert result.exit_code == 0
    assert "cannot be read" in result.stdout.split("Damaged")[1]
    assert json.loads(run("zoo", "list", "--json").stdout)["damaged"][0]["name"] == "derm-vit"


def test_faults_of_add_are_one_line() -> None:
    assert add().exit_code == 0
    taken = add()
    assert taken.exit_code == 1
    assert "--replace" in error(taken)
    assert add("derm-vit", "--replace").exit_code == 0
    wrong = run("zoo", "add", "y", "x.ckpt", "--license", "free")
    assert wrong.exit_code == 2
    assert "SPDX identifier" in error(wrong)
    lacking = run("zoo", "add", "y", "x.ckpt")
    assert lacking.exit_code == 2
    assert "--license" in error(lacking)
    absent = run("zoo", "add", "y", "absent.ckpt", "--license", "MIT")
    assert absent.exit_code == 2
    assert "does not exist" in error(absent)


def test_pulled_from_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert add().exit_code == 0
    monkeypatch.setenv("DERMCTL_ZOO", "lab")
    pulled = run("zoo", "pull", "zoo", "--name", "theirs", "--json")
    assert pulled.exit_code == 0, pulled.output
    document = json.loads(pulled.stdout)
    assert (document["name"], document["folder"]) == ("theirs", "lab/theirs")
    assert "Pulled: again" in run("zoo", "pull", "zoo/derm-vit", "--name", "again").stdout
    unknown = run("zoo", "pull", "nowhere")
    assert unknown.exit_code == 2
    assert "dermctl zoo list" in error(unknown)


@pytest.mark.parametrize("words", [("evaluate",), ("export", "onnx")])
@pytest.mark.parametrize("given", ["derm-vit", "zoo/derm-vit"])
def test_an_encoder_is_not_evaluated(words: tuple[str, ...], given: str) -> None:
    assert add().exit_code == 0
    result = run(*words, given)
    assert result.exit_code == 2
    assert "is an encoder of the zoo, without a classifier" in error(result)
    assert f"dermctl finetune --from {given}" in error(result)


def test_what_is_no_checkpoint_is_still_said() -> None:
    assert "File 'absent.ckpt' does not exist" in error(run("evaluate", "absent.ckpt"))
    assert "'.' is a folder" in error(run("evaluate", "."))
