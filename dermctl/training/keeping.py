"""What happens at the end of an epoch, and at a checkpoint: measure, choose, save, perhaps stop."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from dermctl.progress import SILENT, Progress
from dermctl.run_folder import BEST, LAST, PREVIOUS, checkpoint_path
from dermctl.runs import is_main_process
from dermctl.training.curves import draw_curves
from dermctl.training.reporting import is_logged
from dermctl.training.step_log import StepLog
from dermctl.training.stopping import Interrupted, StopSignals
from dermctl.training.storage import copy_checkpoint
from dermctl.views.loader import BatchLoader

_SECONDS_BETWEEN_PICTURES = 30.0
_LOADER = "dermctl_loader"
Measure = Callable[[pl.Trainer, pl.LightningModule], dict[str, float]]
"""Looks at the model when an epoch has ended; called on rank 0 only."""


class KeepCheckpoints(Checkpoint):
    """Keeps ``last.ckpt`` and ``best.ckpt``, and all that a stopped training needs to go on.

    Args:
        folder: the run's folder.
        log: of the steps; what it holds is written before each checkpoint.
        monitor: the value that chooses ``best.ckpt`` (a loss: least; else greatest); None: no best.
        minutes: between two checkpoints within an epoch; 0: at the ends of epochs only.
        patience: epochs without a better value after which the training stops; 0: never.
        measures: further values of an epoch, beside those of validation.
        progress: where it is said what has stopped the training.
    """

    def __init__(
        self,
        folder: Path,
        log: StepLog,
        *,
        monitor: str | None,
        minutes: float = 0.0,
        patience: int = 0,
        measures: Sequence[Measure] = (),
        progress: Progress = SILENT,
    ) -> None:
        self.folder = folder
        self._log, self._measures = log, tuple(measures)
        self._monitor, self._patience, self.progress = monitor, patience, progress
        self._seconds, self._saved_at = 60 * minutes, 0.0
        self._drawn_at = time.monotonic()
        self._signals = StopSignals()
        self.best: float | None = None
        self._best_step = self._waited = 0
        self._loader_state: dict[str, Any] | None = None

    def newest(self, name: str) -> float | None:
        """The newest value of what is logged under ``name``."""
        return self._log.log_file.newest(name)

    @property
    def best_step(self) -> int | None:
        """Steps done when ``best.ckpt`` was made; None: there is none."""
        return None if self.best is None else self._best_step

    @property
    def best_model_score(self) -> float | None:
        """The monitored value of ``best.ckpt``."""
        return self.best

    def state_dict(self) -> dict[str, Any]:
        """Plain values, saved in each checkpoint."""
        return {
            "monitor": self._monitor,
            "best": self.best,
            "best_step": self._best_step,
            "waited": self._waited,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken; a best value of something else is no best here."""
        if state_dict.get("monitor", self._monitor) != self._monitor:
            return
        self.best, self._best_step = state_dict["best"], state_dict["best_step"]
        self._waited = state_dict["waited"]

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the place among the batches.

        Lightning keeps it too, but forgets it where a schedule asks for the number of steps: the
        loaders are then made before the checkpoint is read.
        """
        if isinstance(trainer.train_dataloader, BatchLoader):
            checkpoint[_LOADER] = trainer.train_dataloader.state_dict()

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """The place is taken when the loaders are there."""
        self._loader_state = checkpoint.get(_LOADER)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take up the place among the batches; listen to signals; finish what a kill left open."""
        loader, state = trainer.train_dataloader, self._loader_state
        if isinstance(loader, BatchLoader) and state is not None:
            loader.load_state_dict(state)
        self._signals.install()
        self._saved_at = time.monotonic()
        resumed = trainer.ckpt_path
        if resumed and self._best_step == trainer.global_step and self.best is not None:
            self._copy_best(Path(str(resumed)))
        self._stop_if_no_better(trainer)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save when it is time, or when a signal says so; the end of an epoch saves anyway."""
        if trainer.is_last_batch:
            return
        alone = trainer.world_size == 1
        if not alone and not is_logged(trainer, batch_idx):
            return  # processes agree by a message, which costs time: not at every step
        due = 0 < self._seconds <= time.monotonic() - self._saved_at
        if alone and not due and self._signals.received is None:
            return
        if self._any(trainer, due or self._signals.received is not None):
            self._save(trainer)
            self._obey_signal(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure, log, choose, save; then stop if there is a reason."""
        self._log.settle(trainer)
        values = self._values(trainer, pl_module)
        better = self._choose(values, trainer.global_step)
        if is_main_process() and values:
            place = {"epoch": trainer.current_epoch, "step": trainer.global_step - 1}
            self._log.log_file.write(values, **place)
        self._save(trainer)
        if better:
            self._copy_best(checkpoint_path(self.folder, LAST))
        self._draw()
        self._stop_if_no_better(trainer)
        self._obey_signal(trainer)

    def finish(self) -> None:
        """The run has come to its end: nothing will go on from the last checkpoint but one."""
        if is_main_process():
            checkpoint_path(self.folder, PREVIOUS).unlink(missing_ok=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give the signals back now: Lightning gives its own back before it calls ``teardown``."""
        self._signals.remove()
        self._draw(at_once=True)

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Likewise."""
        self._signals.remove()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Leave the log."""
        self._log.log_file.close()

    def _draw(self, *, at_once: bool = False) -> None:
        """Draw the curves, at most once in a while: a short epoch shall not wait for a picture."""
        due = time.monotonic() - self._drawn_at >= _SECONDS_BETWEEN_PICTURES
        if is_main_process() and (due or at_once):
            picture = draw_curves(self.folder)
            if picture is not None:
                self._log.log_file.show("curves", picture)
            self._drawn_at = time.monotonic()

    def _values(self, trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, float]:
        values = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("val/")
        }
        self._log.check_epoch(trainer, values)
        measured: dict[str, float] = {}
        if is_main_process():
            for measure in self._measures:
                measured |= measure(trainer, module)
        if self._measures and trainer.world_size > 1:
            measured = trainer.strategy.broadcast(measured)
        self._log.check_epoch(trainer, measured)
        return values | measured

    def _choose(self, values: dict[str, float], step: int) -> bool:
        value = None if self._monitor is None else values.get(self._monitor)
        if value is None:
            return False
        sign = -1 if str(self._monitor).endswith("loss") else 1
        worse = self.best is not None and sign * value <= sign * self.best
        if worse or not math.isfinite(value):
            self._waited += 1
            return False
        self.best, self._best_step, self._waited = value, step, 0
        return True

    def _save(self, trainer: pl.Trainer) -> None:
        self._log.settle(trainer)
        trainer.save_checkpoint(checkpoint_path(self.folder, LAST))
        self._saved_at = time.monotonic()

    def _copy_best(self, source: Path) -> None:
        if is_main_process():
            copy_checkpoint(source, checkpoint_path(self.folder, BEST))

    def _stop_if_no_better(self, trainer: pl.Trainer) -> None:
        if not 0 < self._patience <= self._waited:
            return
        trainer.should_stop = True
        if is_main_process() and self.best is not None:
            self.progress.say(
                f"stopped after step {trainer.global_step:,}, as --patience {self._patience} says: "
                f"best {self._monitor} {self.best:.4f}, after step {self._best_step:,}"
            )

    def _obey_signal(self, trainer: pl.Trainer) -> None:
        if self._any(trainer, self._signals.received is not None):
            raise Interrupted(
                self._signals.received or signal.SIGTERM,
                where=str(checkpoint_path(self.folder, LAST)),
                when=f"after step {trainer.global_step:,} (epoch {trainer.current_epoch + 1})",
            )

    def _any(self, trainer: pl.Trainer, own: bool) -> bool:
        """Whether any process says so: all of them must do the same."""
        if trainer.world_size == 1:
            return own
        return bool(trainer.strategy.reduce_boolean_decision(own, all=False))
