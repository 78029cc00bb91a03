"""What the workers of ``test_pool`` do; apart from it, so that they need not import pytest."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from dermctl.errors import DataError


def square(number: int) -> tuple[int, int]:
    """The square, and the process that computed it."""
    time.sleep(0.002 * (number % 3))  # later items are often done first
    return number * number, os.getpid()


def fail_at(bad: int, number: int) -> int:
    if number == bad:
        raise DataError("a bad row", where=f"row {number}", hint="Mend it")
    return number


def die_at(bad: int, number: int) -> int:
    if number == bad:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die_beside_a_deaf_one(folder: Path, number: int) -> int:
    """One worker hears no request to end; then the other is killed."""
    deaf = folder / "deaf"
    if number < 20:  # results by which the executor learns whom it has to watch
        return number
    if number == 20:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        deaf.write_text(str(os.getpid()))
        time.sleep(3600)
    while not deaf.is_file():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
    return number
