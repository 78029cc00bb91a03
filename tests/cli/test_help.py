"""Help: quick, complete, and without the heavy packages."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from dermctl.cli.main import app
from tests.conftest import ROOT

HEAVY = ("torch", "torchvision", "pandas", "timm", "pytorch_lightning", "pyarrow", "cv2", "onnx")

_BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {heavy!r}:
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Block())
from typer.testing import CliRunner
from dermctl.cli.main import app
"""
_HELP = """
for words in {commands!r}:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0, (words, result.output, result.exception)
    assert "Usage" in result.output, words
print("shown", len({commands!r}))
"""
_SLIP = """
words = ["pretrain", "--epochs", "0", "--set", "augmentatoin=x", "--augmentation", "dem"]
result = CliRunner().invoke(app, words)
for part in ("epochs: 0", "'augmentation'", "'derm'"):
    assert part in result.stderr, (result.stderr, result.exception)
print("answered", result.exit_code)
"""


def without_heavy(script: str, **parts: object) -> str:
    """What a script prints that runs where nothing heavy can be imported."""
    done = subprocess.run(
        [sys.executable, "-c", (_BLOCKED + script).format(heavy=HEAVY, **parts)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commands() -> list[list[str]]:
    """Every command and group, as the words that call it."""
    found: list[list[str]] = [[]]

    def walk(command: object, words: list[str]) -> None:
        for name, child in getattr(command, "commands", {}).items():
            found.append([*words, name])
            walk(child, [*words, name])

    walk(get_command(app), [])
    return found


def leaves() -> list[list[str]]:
    """The commands that do something."""
    words = commands()
    return [own for own in words if not any(o[: len(own)] == own and o != own for o in words)]


def test_help_imports_nothing_heavy() -> None:
    assert without_heavy(_HELP, commands=commands()) == f"shown {len(commands())}"


def test_so_does_the_answer_to_a_slip() -> None:
    assert without_heavy(_SLIP) == "answered 2"


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_each_command_shows_an_example(words: list[str]) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"]).output
    assert "Examples:" in shown
    assert f"dermctl {' '.join(words)}" in " ".join(shown.split())


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_each_command_is_in_the_readme(words: list[str]) -> None:
    assert f"dermctl {' '.join(words)}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("dermctl ")


def test_commands_stand_in_the_order_of_the_work() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    places = [shown.index(f"│ {name}") for name in ("data", "pretrain", "finetune", "evaluate")]
    assert places == sorted(places)
