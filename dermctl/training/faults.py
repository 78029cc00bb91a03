"""What can go wrong in a training, as one line that says what to do."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback

from dermctl.errors import TrainingError
from dermctl.methods.in_parts import batch_norms
from dermctl.progress import Progress
from dermctl.run_folder import LAST, checkpoint_path, run_of
from dermctl.runs import is_main_process
from dermctl.training.lost_process import said_before_the_end
from dermctl.training.stopping import Interrupted
from dermctl.views.loader_faults import LoaderError, loader_fault

_NO_MEMORY = ("can't allocate memory", "out of memory")
_LOST_PROCESS = ("/gloo/", "gloo", "nccl", "connection closed by peer", "connection reset by peer")


@contextmanager
def named_faults(trainer: pl.Trainer, progress: Progress) -> Iterator[None]:
    """Turn what torch and Lightning raise into errors that the user can act on.

    Args:
        trainer: whose training runs within.
        progress: told why the process ends where it cannot raise it any more.
    """

    def say() -> None:
        progress.fail(str(_process_is_lost(trainer)))

    with said_before_the_end(say), _named_errors(trainer):
        yield


@contextmanager
def _named_errors(trainer: pl.Trainer) -> Iterator[None]:
    try:
        yield
    except SystemExit as stop:  # Lightning's way with Ctrl-C
        if trainer.interrupted and isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise
    except Interrupted:
        raise
    except LoaderError as error:
        _end_other_processes(trainer)
        raise _with_last_checkpoint(error, trainer) from error
    except RuntimeError as error:
        _end_other_processes(trainer)
        if _is_memory(error):
            raise _memory_is_full(trainer) from error
        fault = loader_fault(error)
        if fault is not None:
            raise _with_last_checkpoint(fault, trainer) from error
        if trainer.world_size > 1 and _is_lost_process(error):
            if not is_main_process():
                raise SystemExit(1) from None  # rank 0 says it, or is the one that is gone
            raise _process_is_lost(trainer) from error
        raise
    except Exception:
        _end_other_processes(trainer)
        raise


def _is_memory(error: BaseException) -> bool:
    words = str(error)
    return isinstance(error, torch.OutOfMemoryError) or any(part in words for part in _NO_MEMORY)


def _memory_is_full(trainer: pl.Trainer) -> TrainingError:
    advice = next(c for c in trainer.callbacks if isinstance(c, MemoryAdvice))  # type: ignore[attr-defined]
    ways = ["Try a smaller --batch-size"]
    if advice.fits:
        fits = advice.fits * trainer.world_size
        ways = [f"{advice.fits} images at once fit: take --batch-size {fits}"]
    if advice.in_parts:
        ways.append(f"--micro-batch-size {advice.in_parts} at the same gradient")
    return TrainingError(
        "the memory of the device is full",
        where=f"{advice.images} images at once" if advice.images else None,
        hint=f"{', or '.join([*ways, '--gradient-checkpointing'])}{_going_on(trainer)}",
    )


def _is_lost_process(error: BaseException) -> bool:
    """What gloo and NCCL say when another process has left them."""
    words = str(error).lower()
    return isinstance(error, dist.DistError) or any(part in words for part in _LOST_PROCESS)


def _process_is_lost(trainer: pl.Trainer) -> TrainingError:
    return TrainingError(
        "another process of the training ended before its time",
        where=f"{trainer.world_size} processes",
        hint=f"Perhaps memory was short: take fewer --devices. {_from_there(trainer)}",
    )


def _last_checkpoint(trainer: pl.Trainer) -> Path | None:
    folder = getattr(trainer.checkpoint_callback, "folder", None)
    path = None if folder is None else checkpoint_path(folder, LAST)
    return path if path is not None and path.is_file() else None


def _from_there(trainer: pl.Trainer) -> str:
    """What the same command would do."""
    if _last_checkpoint(trainer) is None:
        return "There is no checkpoint yet: the same command starts anew"
    return "The same command goes on from the last checkpoint"


def _with_last_checkpoint(error: LoaderError, trainer: pl.Trainer) -> TrainingError:
    return TrainingError(
        error.what, where=error.where, hint=f"{error.hint}. {_from_there(trainer)}"
    )


def _going_on(trainer: pl.Trainer) -> str:
    """That what spares memory at the same gradient may join a run that has begun."""
    last = _last_checkpoint(trainer)
    if last is None:
        return ""
    return f", which --resume {run_of(last)} takes too, to go on from its last checkpoint"


class MemoryAdvice(Callback):
    """When the memory is full, tries how many of the images at hand fit, by halves.

    Attributes:
        images: of the step that did not fit, on one device.
        fits: how many of them did; 0: not even one, or not tried.
        in_parts: how many the encoder should take at once, at the same gradient; 0: the method
            cannot take a batch in parts, or parts as small are taken already.
    """

    def __init__(self) -> None:
        self.images = self.fits = self.in_parts = 0
        self._batch: dict[str, torch.Tensor] = {}

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remember what the step is made on."""
        self._batch = batch

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Try halves of the batch while the model still lies on the device."""
        if not _is_memory(exception) or not self._batch:
            return
        self.images = len(self._batch["index"])
        if trainer.world_size > 1:  # the others would not answer
            return
        traceback.clear_frames(exception.__traceback__)  # they hold the activations
        images = self.images // 2
        while images and not self._fit(trainer, pl_module, images):
            images //= 2
        self.fits = images
        taken = getattr(pl_module, "micro_batch", None)
        smaller = taken is not None and (taken == 0 or images < taken)
        if smaller and not batch_norms(pl_module):
            self.in_parts = images

    def _fit(self, trainer: pl.Trainer, module: pl.LightningModule, images: int) -> bool:
        module.zero_grad(set_to_none=True)
        torch.cuda.empty_cache()
        part = {name: _first(value, images, self.images) for name, value in self._batch.items()}
        module.__dict__["log"] = lambda *_, **__: None  # there is no loop to log to
        try:
            with trainer.precision_plugin.train_step_context():
                loss = module.training_step(part, 0)
            if isinstance(loss, torch.Tensor) and loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if not _is_memory(error):
                raise
            return False
        finally:
            del module.__dict__["log"]
        return True


def _first(value: torch.Tensor, images: int, of: int) -> torch.Tensor:
    """The first images of a batch [of, …] or of views [views, of, …]."""
    return value[:images] if value.shape[0] == of else value[:, :images]


def _end_other_processes(trainer: pl.Trainer) -> None:
    """They would wait for this one for ever, and then complain."""
    kill = getattr(trainer.strategy.launcher, "kill", None)
    if kill is not None:
        with suppress(ProcessLookupError):
            kill(signal.SIGKILL)
