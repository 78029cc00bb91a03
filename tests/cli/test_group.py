"""Global flags anywhere; every error one line and an exit code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from dermctl.cli.group import RootGroup, hoist
from dermctl.errors import DataError, UsageFault
from tests.conftest import ROOT

FAULTS: dict[str, BaseException] = {
    "data": DataError("it is\ndamaged", where="a.arrow", hint="Type: dermctl demo"),
    "usage": UsageFault("no such thing", hint="Take another"),
    "bug": ZeroDivisionError("division by [red]zero[/red]\nsecond line"),
    "ctrl-c": KeyboardInterrupt(),
    "abort": typer.Abort(),
    "disk": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/last.ckpt"),
    "denied": PermissionError(errno.EACCES, os.strerror(errno.EACCES), "data/isic"),
    "exit": typer.Exit(7),
}


def made_app() -> typer.Typer:
    """Commands that end in each way a command can end."""
    app = typer.Typer(cls=RootGroup, name="dermctl", pretty_exceptions_enable=False)

    @app.callback()
    def root(
        ctx: typer.Context, workspace: str = ".", quiet: bool = False, debug: bool = False
    ) -> None:
        ctx.obj = (workspace, quiet)

    @app.command()
    def end(how: str) -> None:
        raise FAULTS[how]

    @app.command()
    def show(ctx: typer.Context, number: int = 0, words: list[str] | None = None) -> None:
        typer.echo(f"{ctx.obj} {number} {words}")

    return app


def run(*words: str) -> Result:
    return CliRunner().invoke(made_app(), list(words))


@pytest.mark.parametrize(
    ("how", "code", "line"),
    [
        ("data", 1, "error: it is damaged [a.arrow]. Type: dermctl demo"),
        ("usage", 2, "error: no such thing. Take another"),
        ("ctrl-c", 130, "error: stopped; the same command can be run again"),
        ("abort", 1, "error: stopped"),
        ("disk", 1, "error: the disk is full [runs/x/last.ckpt]. Free some space"),
        ("denied", 1, "error: permission denied [data/isic]"),
        ("bug", 1, "error: an unforeseen ZeroDivisionError: division by [red]zero[/red] second"),
    ],
)
def test_one_line_and_a_code(how: str, code: int, line: str) -> None:
    result = run("end", how)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("how", ["data", "bug", "disk"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_shows_the_traceback_from_anywhere(how: str, place: int) -> None:
    words = ["end", how]
    words.insert(place, "--debug")
    result = run(*words)
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert type(FAULTS[how]).__name__ in result.stderr
    assert result.stderr.splitlines()[-1].startswith("error: ")


def test_success_and_a_chosen_code() -> None:
    assert run("show").exit_code == 0
    assert run("end", "exit").exit_code == 7


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["shwo"], ["shwo", "dermctl", "--help"]),
        (["show", "--nubmer", "3"], ["--nubmer", "dermctl show --help"]),
        (["show", "--number", "three"], ["--number", "integer", "dermctl show --help"]),
        (["end"], ["how", "dermctl end --help"]),
    ],
)
def test_a_line_that_cannot_be_read(words: list[str], parts: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    for part in ("error: ", *parts):
        assert part in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--workspace", "w", "--quiet", "show", "--number", "3"],
        ["show", "--workspace", "w", "--number", "3", "--quiet"],
        ["show", "--number", "3", "--quiet", "--workspace=w"],
    ],
)
def test_global_flags_stand_anywhere(words: list[str]) -> None:
    assert run(*words).stdout == "('w', True) 3 None\n"


@given(
    st.lists(
        st.sampled_from(["a", "--x", "3", "--debug", "--quiet", "--workspace=w", "--", "-q"]),
        max_size=8,
    )
)
def test_hoisting_moves_and_loses_nothing(words: list[str]) -> None:
    moved = hoist(words)
    assert sorted(moved) == sorted(words)
    end = words.index("--") if "--" in words else len(words)
    assert moved[end:] == words[end:], "what follows -- is left alone"
    flags = {"--debug", "--quiet", "--workspace=w"}
    count = sum(word in flags for word in words[:end])
    assert set(moved[:count]) <= flags
    assert [word for word in moved[:end] if word not in flags] == [
        word for word in words[:end] if word not in flags
    ]
    assert hoist(moved) == moved


def test_a_workspace_takes_its_value_along() -> None:
    assert hoist(["show", "--workspace", "w", "--x"]) == ["--workspace", "w", "show", "--x"]
    assert hoist(["show", "--workspace"]) == ["show", "--workspace"]


_PIPED = "import sys; from dermctl.__main__ import main; sys.argv[1:] = ['data', 'list']; main()"


@pytest.mark.skipif(os.name == "nt", reason="pipes break otherwise there")
def test_a_reader_that_goes_away_makes_no_noise(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-c", _PIPED],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    os.close(write)
    assert "Traceback" not in done.stderr
    assert "unforeseen" not in done.stderr
    assert done.stderr.count("\n") <= 1
