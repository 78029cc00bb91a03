"""An ordered map over worker processes that keeps memory flat and names a killed worker."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext
from typing import TypeVar

import cv2

from dermctl.errors import DermctlError
from dermctl.machine import available_cores

Item = TypeVar("Item")
Result = TypeVar("Result")

_OURS_TO_ANSWER = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
]
_MOST_WORKERS = 61 if sys.platform == "win32" else 10_000
"""Windows waits for no more at once."""
_CHUNKS_PER_WORKER = 3
"""Chunks handed out ahead of the reader: enough to keep a worker busy, few enough to hold."""


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    *,
    chunk: int = 8,
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in order, computed in ``workers`` processes.

    Items are drawn only as results are taken: at most ``3 * workers * chunk`` results are held at
    a time, however long ``items`` is. With 0 or 1 workers everything runs in this process. Closing
    the iterator (or Ctrl-C) stops the workers after the chunks they are at.

    Args:
        function: a module-level function, or a ``functools.partial`` of one (it is pickled).
        items: what to apply it to; pickled one chunk at a time.
        workers: processes; None means one for each CPU core.
        chunk: items sent to a worker at once.

    Raises:
        DermctlError: a worker was killed, most often for want of memory.
        Exception: whatever ``function`` raises, when its item is reached.
    """
    workers = min(available_cores() if workers is None else workers, _MOST_WORKERS)
    if workers <= 1:
        yield from map(function, items)
        return
    executor = ProcessPoolExecutor(workers, clean_context(), initializer=_prepare_worker)
    try:
        yield from _ordered(executor, function, iter(items), workers * _CHUNKS_PER_WORKER, chunk)
    except BrokenProcessPool as broken:
        raise DermctlError(
            "a worker process was killed, most often for want of memory",
            hint=f"Use fewer workers than {workers}: --workers {workers // 2}",
        ) from broken
    finally:
        if executor._broken:
            _kill_what_is_left(executor)
        executor.shutdown(wait=True, cancel_futures=True)


def _kill_what_is_left(executor: ProcessPoolExecutor) -> None:
    """The executor asks them to end, and waits for them all: one that is only starting does not
    hear it, nor may one that waits for a lock that a killed one held.
    """
    for process in [*(executor._processes or {}).values()]:
        process.kill()


def _ordered(
    executor: ProcessPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterator[Item],
    in_flight: int,
    chunk: int,
) -> Iterator[Result]:
    pending: deque[Future[list[Result]]] = deque()
    while True:
        while len(pending) < in_flight and (batch := list(islice(items, chunk))):
            if executor._broken:  # from Python 3.13 on `submit` would wait as the executor does
                raise BrokenProcessPool(executor._broken)
            pending.append(executor.submit(_apply, function, batch))
        if not pending:
            return
        yield from pending.popleft().result()


def _apply(function: Callable[[Item], Result], batch: list[Item]) -> list[Result]:
    return [function(item) for item in batch]


def clean_context(preload: Sequence[str] = ()) -> BaseContext:
    """Where workers are started from: a server that has threads of nobody, nor any locks.

    A signal to the whole group (Ctrl-C, SLURM, ``timeout``, a shell's jobs) reaches that server
    too, the tracker beside it and what they start; all leave it to the command, and end when that
    does.

    Args:
        preload: modules that the server imports once for all.
    """
    if sys.platform in ("win32", "darwin"):  # macOS's own libraries do not bear to be forked
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    if preload:
        context.set_forkserver_preload(list(preload))
    if threading.current_thread() is threading.main_thread():
        with _unheard():
            resource_tracker.ensure_running()
            forkserver.ensure_running()
    return context


@contextmanager
def _unheard() -> Iterator[None]:
    """What is started within ignores the signals that this process answers for both."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _OURS_TO_ANSWER}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _prepare_worker() -> None:
    """One thread a worker; Ctrl-C is the parent's to handle; no worker outlives its parent."""
    cv2.setNumThreads(1)
    warnings.filterwarnings("ignore", module="PIL")  # remarks on EXIF blocks, through the bar
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the server they are forked from ignores it
    end_with_parent()


def end_with_parent() -> None:
    """End this process as soon as the one that asked for it has, were it killed.

    A process of a fork server does not notice by itself: its parent is the server, which lives as
    long as its processes do.
    """
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
