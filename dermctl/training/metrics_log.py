"""``metrics.csv`` and TensorBoard events that go on where a run was stopped."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dermctl.files import replacing
from dermctl.training.storage import disk_fault

METRICS_FILE = "metrics.csv"
_PLACE = ("epoch", "step")


class MetricsLog:
    """One row a step or an epoch in ``metrics.csv``, the same values as TensorBoard's scalars.

    Epochs and steps count from 0. Columns appear as values do; a cell without a value is empty.
    What is written is on disk when ``write`` returns, so that it never lags behind a checkpoint.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._columns: list[str] = []
        self._events: Any = None
        self._step = 0

    def open(self, from_step: int = 0) -> None:
        """Begin, or go on at ``from_step``: what was written from there on is forgotten."""
        with self._on_disk():
            self._open(from_step)

    def _open(self, from_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        rows = [row for row in read_rows(self._folder) if int(row["step"]) < from_step]
        self._columns = list(_PLACE)
        for row in rows:
            filled = [name for name, text in row.items() if text]
            self._columns += [name for name in filled if name not in self._columns]
        self._rewrite(rows)
        purge = from_step if any(self._folder.glob("events.out.tfevents*")) else None
        self._events = SummaryWriter(str(self._folder), purge_step=purge)

    def write(self, values: Mapping[str, float], *, epoch: int, step: int) -> None:
        """Add one row.

        Raises:
            TrainingError: the disk is full, or cannot be written to.
        """
        with self._on_disk():
            self._write(values, epoch=epoch, step=step)

    def _write(self, values: Mapping[str, float], *, epoch: int, step: int) -> None:
        new = [name for name in values if name not in self._columns]
        if new:
            self._columns += new
            self._rewrite(read_rows(self._folder))
        self._append({"epoch": epoch, "step": step, **values})
        for name, value in values.items():
            self._events.add_scalar(name, value, step)
        self._events.flush()
        self._step = step

    def show(self, name: str, picture: Path) -> None:
        """Add a PNG to TensorBoard, at the step that was written last."""
        from PIL import Image

        with Image.open(picture) as image:
            pixels = np.asarray(image.convert("RGB"))
        self._events.add_image(name, pixels, self._step, dataformats="HWC")
        self._events.flush()

    def newest(self, name: str) -> float | None:
        """The newest value of a name, None where there is none."""
        values = [row[name] for row in read_rows(self._folder) if row.get(name)]
        return float(values[-1]) if values else None

    def close(self) -> None:
        """Let go of TensorBoard's file."""
        if self._events is not None:
            self._events.close()
            self._events = None

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            place = self._folder / METRICS_FILE
            raise disk_fault("a value", place, error, run=self._folder) from error

    def _append(self, row: Mapping[str, object]) -> None:
        with (self._folder / METRICS_FILE).open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns, restval="").writerow(row)

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        with (
            replacing(self._folder / METRICS_FILE) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, self._columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)


def read_rows(folder: Path) -> list[dict[str, str]]:
    """The rows of a run's ``metrics.csv``; a last one that was cut short by a kill is left out."""
    path = folder / METRICS_FILE
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    whole = text[: text.rfind("\n") + 1]
    return [row for row in csv.DictReader(whole.splitlines()) if (row["step"] or "").isdigit()]
