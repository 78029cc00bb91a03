"""One download at a time into one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dermctl.errors import DataError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there the user minds it
    fcntl = None  # type: ignore[assignment]


@contextmanager
def only_one(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock file `name` in `folder`; the system lets go of it even for a killed process.

    Raises:
        DataError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise DataError(
                    "another download into this folder is under way",
                    where=folder,
                    hint="Wait for its end, or name another folder with --to DIR",
                ) from error
        yield
