"""An external test beside the internal one: what the same model reached where it was trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.metrics.shift import Change, Predictions, change_between

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.parquet"
PROBABILITY = "prob_"
"""Before a class's name: its column of probabilities in ``predictions.parquet``."""


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
    """
    if dataset in trained_on:
        return None
    found = _newest_internal(evaluations, split, trained_on, models)
    if found is None:
        return None
    path, document = found
    first = _predictions(path.with_name(PREDICTIONS_FILE), classes)
    changes = change_between(first, here, min_tpr=min_tpr, resamples=resamples, seed=seed)
    return Gap(document["dataset"], document["split"], document["images"], path, changes)


def _newest_internal(
    evaluations: Path, split: str, trained_on: Sequence[str], models: Mapping[str, Any]
) -> tuple[Path, dict[str, Any]] | None:
    fitting = []
    for path in sorted(evaluations.glob(f"*/{METRICS_FILE}")):
        document = _document(path)
        same = all(document.get(key) == value for key, value in models.items())
        internal = document.get("dataset") in trained_on and document.get("split") == split
        if same and internal and path.with_name(PREDICTIONS_FILE).is_file():
            fitting.append((str(document.get("evaluated_at")), path, document))
    return max(fitting)[1:] if fitting else None


def _document(path: Path) -> dict[str, Any]:
    """Results for looking around; empty where they are damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _predictions(path: Path, classes: Sequence[str]) -> Predictions:
    table: pa.Table = pq.read_table(path)
    number = {name: index for index, name in enumerate(classes)}
    columns = [table.column(f"{PROBABILITY}{name}").to_numpy() for name in classes]
    labels = np.array([number[label] for label in table.column("label").to_pylist()], np.int64)
    return Predictions(labels, np.stack(columns, axis=1), table.column("group_id").to_pylist())
