"""Results of an evaluation as they lie on disk, found by run, folder, checkpoint or file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.core.evaluating.internal import METRICS_FILE, PREDICTIONS_FILE, PROBABILITY
from dermctl.errors import DataError, UsageFault
from dermctl.workspace import Workspace

_EVALUATIONS = "evaluation"
_NEEDED = ("image_id", "sha256", "label", "group_id")


@dataclass(frozen=True, eq=False)
class SavedResult:
    """One evaluation.

    Args:
        name: how tables call it.
        folder: of its files.
        document: ``metrics.json``.
        image_ids: [n], in the order of ``hashes``.
        hashes: [n] SHA-256 of the images' files, sorted.
        labels: [n] class numbers.
        probabilities: [n, C].
        groups: [n].
    """

    name: str
    folder: Path
    document: dict[str, Any]
    image_ids: tuple[str, ...]
    hashes: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    groups: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """[C], sorted: the order of the probabilities."""
        return tuple(sorted(self.document["class_names"]))


def find_result(workspace: Workspace, asked: str, on: str | None) -> Path:
    """The ``metrics.json`` that a word of the command line means.

    Args:
        workspace: its runs go by their folders' names, or the end of these.
        asked: a run, its folder, one of its checkpoints, a folder of results, or a metrics.json.
        on: folder name of the evaluation, such as ``ham10000-test``; None: the newest of the run.

    Raises:
        UsageFault: nothing of that name, or a run that has not been evaluated.
    """
    path = Path(asked)
    if not path.exists():
        path = _run_called(workspace, asked)
    if path.is_file() and path.name == METRICS_FILE:
        return path
    if path.is_file():
        path = path.parent.parent  # a checkpoint: its run
    if (path / METRICS_FILE).is_file():
        return path / METRICS_FILE
    found = sorted((path / _EVALUATIONS).glob(f"{on or '*'}/{METRICS_FILE}"))
    if not found:
        what = "has not been evaluated" if on is None else f"has not been evaluated on {on}"
        raise UsageFault(
            f"{path.name} {what}",
            where=path,
            hint=f"Evaluate it with: dermctl evaluate {path / 'checkpoints' / 'best.ckpt'}",
        )
    return max(found, key=lambda file: str(read_document(file).get("evaluated_at")))


def _run_called(workspace: Workspace, name: str) -> Path:
    runs = [folder for folder in workspace.run_folders() if folder.name.endswith(name)]
    if len(runs) == 1:
        return runs[0]
    if not runs:
        raise UsageFault(
            f"there is no run '{name}'",
            where=workspace.runs,
            hint="Name a folder of runs/, a checkpoint or a folder with metrics.json",
        )
    raise UsageFault(
        f"'{name}' could be any of {len(runs)} runs: {', '.join(run.name for run in runs[:5])}",
        where=workspace.runs,
        hint="Name one in full",
    )


def read_document(path: Path) -> dict[str, Any]:
    """A ``metrics.json``.

    Raises:
        DataError: it is damaged, or was written by another program.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be read as results ({error})", where=path, hint="Evaluate the model again"
        ) from error
    if not isinstance(document, dict) or not {"class_names", "test_sha256"} <= document.keys():
        raise DataError(
            "these are no results of dermctl evaluate", where=path, hint="Evaluate the model again"
        )
    return document


def read_result(path: Path, name: str) -> SavedResult:
    """Results and predictions beside one another, images sorted by their hashes.

    Raises:
        DataError: a file or a column is missing or damaged.
    """
    document = read_document(path)
    classes = sorted(document["class_names"])
    table = _predictions(path.with_name(PREDICTIONS_FILE), [f"{PROBABILITY}{c}" for c in classes])
    table = table.sort_by([("sha256", "ascending"), ("image_id", "ascending")])
    number = {label: index for index, label in enumerate(classes)}
    columns = [table.column(f"{PROBABILITY}{label}").to_numpy() for label in classes]
    return SavedResult(
        name=name,
        folder=path.parent,
        document=document,
        image_ids=tuple(table.column("image_id").to_pylist()),
        hashes=tuple(table.column("sha256").to_pylist()),
        labels=np.array([number[label] for label in table.column("label").to_pylist()], np.int64),
        probabilities=np.stack(columns, axis=1).astype(np.float64),
        groups=tuple(table.column("group_id").to_pylist()),
    )


def _predictions(path: Path, probabilities: Sequence[str]) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            "the predictions are missing or damaged", where=path, hint="Evaluate the model again"
        ) from error
    absent = [name for name in (*_NEEDED, *probabilities) if name not in table.column_names]
    if absent:
        raise DataError(
            f"the predictions lack {', '.join(absent)}",
            where=path,
            hint="Evaluate the model again",
        )
    return table
