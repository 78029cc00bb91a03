"""Lays out small raw folders for the tests of sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dermctl.datasets.sources.base import ReadOptions, SourceTable
from dermctl.datasets.sources.registry import get_source


def write(path: Path, *lines: str) -> Path:
    """Write a text file of these lines, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def place(raw: Path, *names: str) -> None:
    """Place files that stand for images: sources look at names only."""
    for name in names:
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(b"not decoded here")


def read(source: str, raw: Path, **options: Any) -> SourceTable:
    """Read a source by name."""
    return get_source(source).read(raw, ReadOptions(**options))


def column(table: SourceTable, name: str) -> list[Any]:
    """One column as a list."""
    values: list[Any] = table.table.column(name).to_pylist()
    return values


def codes(table: SourceTable) -> list[str]:
    """The codes of the faults, in order."""
    return [fault.code for fault in table.faults]
