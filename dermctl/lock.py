"""One process at a time: a lock that the system lets go of even for a killed process."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dermctl.errors import DataError

if sys.platform != "win32":
    import fcntl

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_REMOVES_OPEN_FILES = sys.platform != "win32"


@contextmanager
def only_one(file: Path, what: str, hint: str) -> Iterator[None]:
    """Hold a lock on ``file``, which is made for it and removed at the end.

    Args:
        file: the lock file.
        what, hint: the error where another process holds it.

    Raises:
        DataError: another process holds it.
    """
    opened = _locked(file, what, hint)
    try:
        yield
    finally:
        _remove(file, opened)


def _locked(file: Path, what: str, hint: str) -> IO[str]:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            opened = file.open("w")
        except FileNotFoundError:  # who held it has just removed the folder with it
            continue
        if take(opened) is False:
            opened.close()
            raise DataError(what, where=file.parent, hint=hint)
        if _is_still(opened, file):
            return opened
        opened.close()  # who held it has removed it: a third may hold a new one of that name


def take(opened: IO[str]) -> bool | None:
    """Lock an open file until it is closed, without waiting.

    Returns:
        False: another process has it; None: there are no locks here, so nobody can tell. Windows
        has none that we use, nor have some network file systems (Lustre, NFS).
    """
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def _remove(file: Path, opened: IO[str]) -> None:
    """While it is held, so that nobody's new lock is removed; Windows removes no open file."""
    if _REMOVES_OPEN_FILES:
        file.unlink(missing_ok=True)
        opened.close()
        return
    opened.close()
    with suppress(PermissionError):  # another process has it open
        file.unlink(missing_ok=True)


def _is_still(opened: IO[str], file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened.fileno()), file.stat())
    except FileNotFoundError:
        return False
