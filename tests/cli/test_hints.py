"""Every command that a message tells people to type is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from typer.main import get_command

from dermctl.cli.main import app
from tests.conftest import ROOT

# A command stands behind a colon ("Prepare it with: dermctl data prepare NAME").
_NAMED = re.compile(r": dermctl ([a-z]+)(?: ([a-z]+))?")


def named() -> Iterator[tuple[str, str, str | None]]:
    """(file and line, command, word behind it) of each command in a text of the package."""
    for path in sorted((ROOT / "dermctl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    part.value if isinstance(part, ast.Constant) else "{}" for part in node.values
                ]
                text = "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            for match in _NAMED.finditer(text):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield place, match.group(1), match.group(2)


NAMED = sorted(set(named()), key=str)


def test_there_are_such_messages() -> None:
    assert len(NAMED) > 15


@pytest.mark.parametrize(("place", "command", "word"), NAMED)
def test_the_command_exists(place: str, command: str, word: str | None) -> None:
    commands = getattr(get_command(app), "commands", {})
    assert command in commands, place
    below = getattr(commands[command], "commands", {})
    if below:
        assert word in below, place
