"""What the workers of ``test_pool`` do; apart from it, so that they need not import pytest."""

from __future__ import annotations

import os
import signal
import time

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
