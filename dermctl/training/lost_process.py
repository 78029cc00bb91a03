"""A lost process of several is said before all of them end."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lightning_fabric.strategies.launchers import subprocess_script

_SECONDS_TO_SAY = 10.0
"""Where what is waited for fails (gloo), the training says it itself within this time."""


@contextmanager
def said_before_the_end(say: Callable[[], None]) -> Iterator[None]:
    """Let ``say`` run before a process ends that waits for one that is gone.

    NCCL waits for ever, and so does whatever this process is at meanwhile. Lightning watches the
    processes that it has started, and kills this one without a word as soon as one of them fails.

    Args:
        say: called from another thread; the exit code is 1 after it.
    """
    watcher: Any = getattr(subprocess_script, "_ChildProcessObserver", None)
    kill = getattr(watcher, "_terminate_all", None)
    if kill is None:
        yield
        return
    over = threading.Event()

    def end(watching: Any) -> None:
        if over.wait(_SECONDS_TO_SAY):
            return
        for process in watching._child_processes:
            process.kill()
        try:
            say()
            sys.stderr.flush()
        finally:  # nobody watches any more
            os._exit(1)

    watcher._terminate_all = end
    try:
        yield
    finally:
        over.set()
        watcher._terminate_all = kill
        for thread in threading.enumerate():
            if isinstance(thread, watcher):  # it lives on, and others may have been ended by us
                thread._terminate_all = lambda: None
