"""The columns of the user's own table, named by flags."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from typer.testing import CliRunner

from dermctl.cli.data.reading import reading_flags
from dermctl.cli.main import app
from dermctl.datasets.sources.base import ReadOptions


def test_every_column_that_can_be_read_has_its_flag():
    names = [field.name for field in fields(ReadOptions) if field.name.endswith("_column")]
    assert {"age_column", "sex_column", "site_column"} <= set(names)
    read = reading_flags(**{name: f"my {name}" for name in names})["read"]
    assert {name: getattr(read, name) for name in names} == {name: f"my {name}" for name in names}


def test_a_table_without_rows_is_nothing_to_validate(tmp_path: Path):
    (tmp_path / "table.csv").write_text("file,diagnosis\n")
    words = [
        "data",
        "validate",
        "csv",
        "--raw",
        str(tmp_path),
        "--csv",
        str(tmp_path / "table.csv"),
    ]
    words += ["--image-column", "file", "--label-column", "diagnosis"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "a table without rows" in result.output
