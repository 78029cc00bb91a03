"""An external test beside the internal one: what the same model reached where it was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dermctl.core.evaluating.saved import (
    METRICS_FILE,
    PREDICTIONS_FILE,
    read_document,
    read_predictions,
)
from dermctl.errors import DataError
from dermctl.metrics.shift import Change, Predictions, change_between
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Gap:
    """From the internal test to this one.

    Args:
        dataset, split: of the internal test.
        images: in it.
        metrics_file: its results.
        changes: metric → external minus internal.
    """

    dataset: str
    split: str
    images: int
    metrics_file: Path
    changes: dict[str, Change]

    def to_json(self) -> dict[str, Any]:
        """Plain values; ``first`` is the internal test, ``second`` this one."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "images": self.images,
            "metrics_file": str(self.metrics_file),
            "changes": {name: change.to_json() for name, change in self.changes.items()},
        }


def internal_gap(
    evaluations: Path,
    here: Predictions,
    *,
    dataset: str,
    split: str,
    trained_on: Sequence[str],
    classes: Sequence[str],
    models: Mapping[str, Any],
    min_tpr: float,
    resamples: int,
    seed: int,
    progress: Progress = SILENT,
) -> Gap | None:
    """The gap to the newest internal evaluation; None if there is none, or this is one itself.

    Args:
        evaluations: folder that holds one folder an evaluation of the run.
        here: what is evaluated now.
        dataset, split: its names.
        trained_on: names of the datasets that the model was trained on.
        classes: [C] in the order of the probabilities.
        models: the entries of ``metrics.json`` that say which models were run, and how: those of
            the internal evaluation must be the same.
        min_tpr, resamples, seed: of the metrics and their intervals.
        progress: where results that cannot be read are named; they are passed over.
    """
    if dataset in trained_on:
        return None
    found = _newest_internal(evaluations, split, trained_on, models, progress)
    if found is None:
        return None
    path, document = found
    try:
        saved = read_predictions(path.with_name(PREDICTIONS_FILE), classes)
    except DataError as error:
        progress.say(f"the change from the internal test is not stated: {error}")
        return None
    first = Predictions(saved.labels, saved.probabilities, saved.groups)
    changes = change_between(first, here, min_tpr=min_tpr, resamples=resamples, seed=seed)
    return Gap(document["dataset"], document["split"], document["images"], path, changes)


def _newest_internal(
    evaluations: Path,
    split: str,
    trained_on: Sequence[str],
    models: Mapping[str, Any],
    progress: Progress,
) -> tuple[Path, dict[str, Any]] | None:
    fitting = []
    for path in sorted(evaluations.glob(f"*/{METRICS_FILE}")):
        try:
            document = read_document(path)
        except DataError as error:
            progress.say(f"results of another evaluation are passed over: {error}")
            continue
        same = all(document.get(key) == value for key, value in models.items())
        internal = document.get("dataset") in trained_on and document.get("split") == split
        if same and internal and path.with_name(PREDICTIONS_FILE).is_file():
            fitting.append((str(document.get("evaluated_at")), path, document))
    return max(fitting)[1:] if fitting else None
