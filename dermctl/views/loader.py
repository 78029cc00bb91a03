"""The DataLoader of all trainings: whole batches, resumable at any batch, errors as they were."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from torch.utils.data import DataLoader, Dataset

from dermctl.datasets.pool import clean_context, end_with_parent
from dermctl.errors import DermctlError
from dermctl.views.batches import Batch, EpochBatchSampler
from dermctl.views.loader_faults import loader_fault
from dermctl.views.packed import Tensors, as_is

_PRELOADED = "dermctl.views.packed"
_SECONDS_TO_SAVE = 60.0


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
        LoaderError: a loader process has died, or has no room left to hand its batches over.
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
        self._processes: list[BaseProcess] = []
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
        """The batches of an epoch; what goes wrong with loader processes is named."""
        others = {*multiprocessing.active_children()}
        try:
            batches = super().__iter__()
            started = [each for each in multiprocessing.active_children() if each not in others]
            self._processes = started or self._processes  # they stay from epoch to epoch
            yield from batches
        except (ConnectionError, EOFError, RuntimeError) as error:
            fault = loader_fault(error, self._processes)
            if fault is None:
                raise
            raise fault from error

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch would come from."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state`` was taken."""
        self.batches.load_state_dict(state)


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
