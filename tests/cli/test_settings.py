"""Flags made of a configuration: types, names, repeats, and what a flag that was not given does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dermctl.cli.settings import with_settings
from dermctl.config.fields import setting


@dataclass(frozen=True)
class Config:
    """A configuration of every kind of field."""

    names: tuple[str, ...] = setting((), "names", group="First")
    from_file: str | None = setting(None, "where from", flag="--from", metavar="FILE")
    count: int = setting(3, "how many", low=1)
    share: float = setting(0.5, "a share", low=0.0, high=1.0)
    kind: str = setting("a", "a kind", choices=("a", "b"))
    fast: bool = setting(True, "quickly")


@pytest.fixture
def seen() -> list[Config]:
    return []


@pytest.fixture
def app(seen: list[Config]) -> typer.Typer:
    @with_settings(Config)
    def go(ctx: typer.Context, settings: Config, *, json: bool) -> None:
        """Go."""
        seen.append(settings)
        typer.echo(f"json={json}")

    made = typer.Typer()
    made.command()(go)
    return made


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Config()),
        (["--names", "a,b", "--names", "c"], Config(names=("a", "b", "c"))),
        (["--from", "here"], Config(from_file="here")),
        (["--count", "5", "--share", ".25", "--kind", "b"], Config((), None, 5, 0.25, "b")),
        (["--no-fast"], Config(fast=False)),
        (["--set", "count=9", "--set", "fast=no"], Config(count=9, fast=False)),
        (["--set", "count=9", "--count", "4"], Config(count=4)),
    ],
)
def test_flags(app: typer.Typer, seen: list[Config], words: list[str], expected: Config) -> None:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert seen == [expected]


def test_a_flag_stands_over_set_and_set_over_the_file(
    app: typer.Typer, seen: list[Config], tmp_path: Path
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("count: 7\nshare: 0.1\nfast: false\n")
    words = ["--config", str(file), "--set", "share=0.2", "--fast", "--json"]
    result = CliRunner().invoke(app, words)
    assert seen == [Config(count=7, share=0.2, fast=True)]
    assert "json=True" in result.output


def test_help_shows_meaning_range_choices_and_default(app: typer.Typer) -> None:
    shown = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output.split())
    assert "how many (at least 1), default 3" in shown
    assert "a share (0 to 1), default 0.5" in shown
    assert "a kind (a | b), default a" in shown
    assert "--fast --no-fast" in shown
    assert "First" in shown
