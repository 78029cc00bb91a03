"""Results of an evaluation as they lie on disk, found by run, folder, checkpoint or file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.core.evaluating.saved import (
    METRICS_FILE,
    PREDICTIONS_FILE,
    SavedPredictions,
    read_document,
    read_predictions,
)
from dermctl.errors import UsageFault
from dermctl.workspace import Workspace

_EVALUATIONS = "evaluation"


@dataclass(frozen=True, eq=False)
class SavedResult:
    """One evaluation.

    Args:
        name: how tables call it.
        folder: of its files.
        document: ``metrics.json``.
        predictions: with the classes in the order of `classes`.
    """

    name: str
    folder: Path
    document: dict[str, Any]
    predictions: SavedPredictions

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


def read_result(path: Path, name: str) -> SavedResult:
    """Results and predictions beside one another.

    Raises:
        DataError: a file or a column is missing or damaged.
    """
    document = read_document(path)
    predictions = read_predictions(
        path.with_name(PREDICTIONS_FILE), sorted(document["class_names"])
    )
    return SavedResult(name, path.parent, document, predictions)
