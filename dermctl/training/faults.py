"""What can go wrong in a training, as one line that says what to do."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytorch_lightning as pl
import torch

from dermctl.errors import TrainingError
from dermctl.training.stopping import Interrupted

_NO_MEMORY = ("can't allocate memory", "out of memory")
_DEAD_WORKER = "DataLoader worker"


@contextmanager
def named_faults(trainer: pl.Trainer) -> Iterator[None]:
    """Turn what torch and Lightning raise into errors that the user can act on."""
    try:
        yield
    except SystemExit as stop:  # Lightning's way with Ctrl-C
        if trainer.interrupted and isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise
    except Interrupted:
        raise
    except torch.OutOfMemoryError as error:
        _end_other_processes(trainer)
        raise _memory_is_full() from error
    except RuntimeError as error:
        _end_other_processes(trainer)
        if any(words in str(error) for words in _NO_MEMORY):
            raise _memory_is_full() from error
        if str(error).startswith(_DEAD_WORKER):
            raise _worker_died(str(error)) from error
        raise
    except Exception:
        _end_other_processes(trainer)
        raise


def _memory_is_full() -> TrainingError:
    return TrainingError("the memory of the device is full", hint="Try a smaller --batch-size")


def _worker_died(message: str) -> TrainingError:
    how = message.partition("is killed by signal: ")[2].rstrip(". ")
    killed = f", killed by signal {how}" if how else ""
    return TrainingError(
        f"a loader process died{killed}",
        where="--workers",
        hint="Perhaps memory was short: take fewer --workers. "
        "The same command goes on from the last checkpoint",
    )


def _end_other_processes(trainer: pl.Trainer) -> None:
    """They would wait for this one for ever, and then complain."""
    kill = getattr(trainer.strategy.launcher, "kill", None)
    if kill is not None:
        with suppress(ProcessLookupError):
            kill(signal.SIGKILL)
