"""The documentation is held to the code: an undocumented column, source or session fails here."""

from __future__ import annotations

import re

import pytest

from dermctl.datasets.manifest import COLUMNS
from dermctl.datasets.sources.registry import SOURCES
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("column", [name for name, *_ in COLUMNS])
def test_each_column_of_the_manifest_is_in_the_readme(column: str) -> None:
    meaning = next(meaning for name, _, _, meaning in COLUMNS if name == column)
    assert f"| `{column}` | {meaning} |" in README


@pytest.mark.parametrize("source", ["isic", "padufes", "fitzpatrick", "ham10000", "csv", "folder"])
def test_each_first_source_is_in_the_readme_with_its_default_label(source: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{source}`"))
    label = SOURCES[source].default_label
    if source in ("isic", "padufes", "fitzpatrick", "ham10000"):
        assert f"`{label}`" in row


def test_every_session_is_in_contributing() -> None:
    sessions = re.findall(
        r"@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text(encoding="utf-8")
    )
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert sessions
    assert not [name for name in sessions if f"`nox -s {name}`" not in text]


def test_ci_runs_the_readme_s_test_command() -> None:
    between = README.split("<!-- the tests -->")[1].split("<!-- end -->")[0]
    commands = [line for line in between.splitlines() if line.startswith("python3 ")]
    assert len(commands) == 1
    assert "the tests" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_ignore_rules_catch_no_folder_of_the_package() -> None:
    rules = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for folder in ("data", "runs", "raw", "demo"):
        assert f"/{folder}/" in rules
        assert f"{folder}/" not in rules
