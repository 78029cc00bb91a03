"""Writing files so that a reader never meets half of one: a temporary name, then a rename."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dermctl.errors import DataError
from dermctl.lock import only_one


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it onto ``path`` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text under a temporary name, then rename."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, document: Any) -> None:
    """Write a JSON document, indented, with a newline at its end."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def sole_writer(place: Path) -> Iterator[None]:
    """Keep other writers from the folder at ``place``; it is whole again if one was killed.

    Raises:
        DataError: another process is writing it.
    """
    busy = f"another command is writing '{place.name}' just now"
    hint = "Wait for its end and run the same command again"
    with only_one(place.with_name(f".{place.name}.lock"), busy, hint):
        recover_folder(place)
        yield


def settle(place: Path) -> None:
    """What a reader does first: bring back the folder that a killed swap has left aside."""
    while not place.exists() and _aside(place).exists():
        try:
            with sole_writer(place):
                pass
        except DataError:  # the swap is under way: its second rename is a moment off
            time.sleep(0.01)


def swap_folder(new: Path, place: Path) -> None:
    """Put the finished folder ``new`` at ``place``; what was there goes only once it is there.

    A process killed between the two renames leaves the old folder as ``.<name>.old``: the next
    who reads it (``settle``) or writes it (``sole_writer``) brings it back.
    """
    old = _aside(place)
    recover_folder(place)
    if place.exists():
        place.replace(old)
    new.replace(place)
    shutil.rmtree(old, ignore_errors=True)


def recover_folder(place: Path) -> None:
    """Undo a swap that was cut short, and remove what a finished one left behind."""
    old = _aside(place)
    if old.exists() and not place.exists():
        old.replace(place)
    shutil.rmtree(old, ignore_errors=True)


def _aside(place: Path) -> Path:
    """Where a folder lies while another takes its place."""
    return place.with_name(f".{place.name}.old")
