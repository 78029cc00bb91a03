"""One process at a time: a lock that the system lets go of even for a killed process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dermctl.errors import DataError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there the user minds it
    fcntl = None  # type: ignore[assignment]


@contextmanager
def only_one(file: Path, what: str, hint: str) -> Iterator[None]:
    """Hold a lock on ``file``, which is made for it and removed at the end.

    Args:
        file: the lock file.
        what, hint: the error where another process holds it.

    Raises:
        DataError: another process holds it.
    """
    with _locked(file, what, hint):
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def _locked(file: Path, what: str, hint: str) -> IO[str]:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            opened = file.open("w")
        except FileNotFoundError:  # who held it has just removed the folder with it
            continue
        if not _lock(opened):
            opened.close()
            raise DataError(what, where=file.parent, hint=hint)
        if _is_still(opened, file):
            return opened
        opened.close()  # who held it has removed it: a third may hold a new one of that name


def _lock(opened: IO[str]) -> bool:
    if fcntl is not None:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _is_still(opened: IO[str], file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened.fileno()), file.stat())
    except FileNotFoundError:
        return False
