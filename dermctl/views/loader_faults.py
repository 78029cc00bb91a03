"""What can go wrong between a command and its loader processes, as one line."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from dermctl.errors import DermctlError

_SECONDS_TO_END = 10.0
# torch's words, at the beginning or within.
_DEAD_WORKER = "DataLoader worker"
_DEAD_THREAD = "Pin memory thread exited"
_OF_THE_DATASET = "Caught "
_NO_SHARED_MEMORY = ("shared memory(shm)", "out of shared memory")
_KILLED_BY = "is killed by signal: "


class LoaderError(DermctlError):
    """A loader process has died, or has no room left to hand its batches over."""


def loader_fault(error: Exception, processes: Sequence[BaseProcess] = ()) -> LoaderError | None:
    """What an error of torch tells of loader processes; None: nothing.

    The socket of a process closes before the process counts as ended, and torch then passes the
    socket's error on, or loses the thread that copies for a GPU by it; and torch knows the signal
    only of processes that no fork server has started.

    Args:
        error: as torch raised it, while a batch was waited for or, where the system tells of the
            end of processes (SIGCHLD), at any moment.
        processes: of the loader; without them only torch's words are read.
    """
    words = str(error)
    if isinstance(error, RuntimeError):
        if any(part in words for part in _NO_SHARED_MEMORY):
            return _no_shared_memory()
        if words.startswith(_DEAD_WORKER):
            known = words.partition(_KILLED_BY)[2].rstrip(". ")
            return _died(processes) or _killed(known)
        return _died(processes) if words.startswith(_DEAD_THREAD) else None
    lost = isinstance(error, (ConnectionError, EOFError)) and not words.startswith(_OF_THE_DATASET)
    return _died(processes) if lost else None


def _died(processes: Sequence[BaseProcess]) -> LoaderError | None:
    """None: they all live."""
    if not processes or not wait([each.sentinel for each in processes], _SECONDS_TO_END):
        return None
    number = next((-process.exitcode for process in processes if process.exitcode), 0)
    if number == getattr(signal, "SIGBUS", None):  # memory that was promised is not there
        return _no_shared_memory()
    return _killed(signal.strsignal(number) if number > 0 else None)


def _killed(how: str | None) -> LoaderError:
    return LoaderError(
        f"a loader process died, killed by signal {how}" if how else "a loader process died",
        where="--workers",
        hint="Perhaps memory was short: take fewer --workers",
    )


def _no_shared_memory() -> LoaderError:
    return LoaderError(
        "the shared memory that loader processes hand batches over in is full",
        where="--workers",
        hint="Take --workers 0, or give a container more (docker run --shm-size 8g)",
    )
