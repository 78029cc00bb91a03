"""The columns of the user's own table, named by flags."""

from __future__ import annotations

from dataclasses import fields

from dermctl.cli.data.reading import reading_flags
from dermctl.datasets.sources.base import ReadOptions


def test_every_column_that_can_be_read_has_its_flag():
    names = [field.name for field in fields(ReadOptions) if field.name.endswith("_column")]
    assert {"age_column", "sex_column", "site_column"} <= set(names)
    read = reading_flags(**{name: f"my {name}" for name in names})["read"]
    assert {name: getattr(read, name) for name in names} == {name: f"my {name}" for name in names}
