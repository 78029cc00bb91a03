"""The DataLoader of all trainings: whole batches, resumable at any batch, errors as they were."""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

from torch.utils.data import DataLoader, Dataset

from dermctl.datasets.pool import clean_context, end_with_parent
from dermctl.errors import DermctlError, in_a_line
from dermctl.views.batches import Batch, EpochBatchSampler
from dermctl.views.packed import Tensors, as_is

_PRELOADED = "dermctl.views.packed"
_SECONDS_TO_SAVE = 60.0
_SECONDS_TO_END = 10.0
DEAD_WORKER = "DataLoader worker"
"""How torch begins what it says of a loader process that has ended."""
_DEAD_THREAD = "Pin memory thread exited"
"""What torch says of the thread that copies for a GPU, when a process ends while it hands over."""


class _Guarded(Dataset["Tensors | DermctlError"]):
    """Hands a user-mendable error over as a value: DataLoader would bury it in a traceback."""

    def __init__(self, dataset: Dataset[Tensors]) -> None:
        self.dataset = dataset

    def __getitems__(self, batch: Batch) -> Tensors | DermctlError:
        try:
            made: Tensors = self.dataset.__getitems__(batch)  # type: ignore[attr-defined]
        except DermctlError as error:
            return error
        return made


class BatchLoader(DataLoader[Tensors]):
    """Loads the batches that an ``EpochBatchSampler`` names.

    ``state_dict`` counts the batches handed out, not those that loader processes have made in
    advance; Lightning saves and restores it with its checkpoints.

    Args:
        dataset: whose ``__getitems__`` makes one whole batch (``dermctl.views.packed``).
        batches: which images, in which order.
        workers: loader processes; 0: in this process, as always where the dataset makes its batches
            on the device (``in_process``).
        pin_memory: put batches where a GPU copies them from asynchronously.

    Raises (in iteration):
        DermctlError: as the dataset raised it, from whichever process.
        RuntimeError: a loader process has ended, in torch's words (``DEAD_WORKER``).
    """

    def __init__(
        self,
        dataset: Dataset[Tensors],
        batches: EpochBatchSampler,
        *,
        workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        self.batches = batches
        self._processes: list[multiprocessing.process.BaseProcess] = []
        if getattr(dataset, "in_process", False):
            workers, pin_memory = 0, False
        super().__init__(
            _Guarded(dataset),  # type: ignore[arg-type]
            batch_sampler=batches,  # type: ignore[arg-type]
            collate_fn=as_is,  # type: ignore[arg-type]
            num_workers=workers,
            pin_memory=pin_memory,
            persistent_workers=workers > 0,
            multiprocessing_context=clean_context([_PRELOADED]) if workers else None,
            worker_init_fn=_settle_worker if workers else None,
        )

    def __iter__(self) -> Iterator[Tensors]:  # type: ignore[override]
        """The batches from the sampler's position to the end of its epoch.

        Nothing starts before the first batch is asked for: Lightning makes the iterator before it
        says which epoch it is for.
        """
        for made in self._named_ends() if self.num_workers else super().__iter__():
            if isinstance(made, DermctlError):
                raise made
            self.batches.position += 1
            yield made
        self.batches.position = 0

    def _named_ends(self) -> Iterator[Tensors]:
        """The batches of an epoch; a process that ends is said to have ended, and by which signal.

        Its socket closes before it counts as ended, and torch then passes the socket's error on;
        and torch knows the signal only of processes that no fork server has started.
        """
        others = {*multiprocessing.active_children()}
        try:
            batches = super().__iter__()
            started = [each for each in multiprocessing.active_children() if each not in others]
            self._processes = started or self._processes  # they stay from epoch to epoch
            yield from batches
        except (ConnectionError, EOFError, RuntimeError) as error:
            if not _is_of_a_lost_process(error):
                raise
            wait([process.sentinel for process in self._processes], _SECONDS_TO_END)
            codes = [process.exitcode or 0 for process in self._processes]
            killed = [signal.strsignal(-code) for code in codes if code < 0]
            how = f"is killed by signal: {killed[0]}" if killed else f"exited: {in_a_line(error)}"
            raise RuntimeError(f"{DEAD_WORKER} {how}") from error

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch would come from."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self.batches.load_state_dict(state)


def _is_of_a_lost_process(error: Exception) -> bool:
    """Not the dataset's own, which a living process has handed over."""
    words = str(error)
    if isinstance(error, RuntimeError):
        return words.startswith((DEAD_WORKER, _DEAD_THREAD))
    return not words.startswith("Caught ")


def _settle_worker(_: int) -> None:
    """Ctrl-C, SLURM's warning and a request to end reach all processes: the training saves, and
    ends the others. Where it is killed, its processes end by themselves.
    """
    end_with_parent()
    for name in ("SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_later)


def _end_later(number: int, _: FrameType | None) -> None:
    """The training may be waiting for this process's batch, to end a step and save."""
    timer = threading.Timer(_SECONDS_TO_SAVE, os._exit, [128 + number])
    timer.daemon = True
    timer.start()


@atexit.register
def _kill_what_is_left() -> None:
    """What ends daemons with their parent asks them by SIGTERM, and waits."""
    for process in multiprocessing.active_children():
        if process.daemon:
            process.kill()
