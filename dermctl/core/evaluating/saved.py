"""The files of an evaluation: their names, and reading them again."""

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

from dermctl.errors import DataError

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.parquet"
PROBABILITY = "prob_"
"""Before a class's name: its column of probabilities in ``predictions.parquet``."""

_IDENTITY = ("sha256", "image_id")
_NEEDED = (*_IDENTITY, "label", "group_id")
_AGAIN = "Evaluate the model again"


@dataclass(frozen=True, eq=False)
class SavedPredictions:
    """Predictions for n images, sorted by the hashes of their files.

    Args:
        image_ids, hashes, groups: [n]; the hashes are SHA-256 of the files.
        labels: [n] class numbers.
        probabilities: [n, C].
    """

    image_ids: tuple[str, ...]
    hashes: tuple[str, ...]
    groups: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]


def read_document(path: Path) -> dict[str, Any]:
    """A ``metrics.json``.

    Raises:
        DataError: it is damaged, or was written by another program.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read as results ({error})", where=path, hint=_AGAIN) from error
    if not isinstance(document, dict) or not {"class_names", "test_sha256"} <= document.keys():
        raise DataError("these are no results of dermctl evaluate", where=path, hint=_AGAIN)
    return document


def read_predictions(path: Path, classes: Sequence[str]) -> SavedPredictions:
    """A ``predictions.parquet`` with the classes in that order.

    Raises:
        DataError: it is missing or damaged, lacks a column, or has a label that is no class.
    """
    columns = [f"{PROBABILITY}{name}" for name in classes]
    table = _table(path, columns).sort_by([(name, "ascending") for name in _IDENTITY])
    number = {name: index for index, name in enumerate(classes)}
    labels = table.column("label").to_pylist()
    if unknown := {str(label) for label in labels} - number.keys():
        raise DataError(
            f"the predictions have labels that are none of the classes: {sorted(unknown)[0]}",
            where=path,
            hint=_AGAIN,
        )
    probabilities = [table.column(name).to_numpy() for name in columns]
    return SavedPredictions(
        image_ids=tuple(table.column("image_id").to_pylist()),
        hashes=tuple(table.column("sha256").to_pylist()),
        groups=tuple(table.column("group_id").to_pylist()),
        labels=np.array([number[label] for label in labels], np.int64),
        probabilities=np.stack(probabilities, axis=1).astype(np.float64),
    )


def _table(path: Path, probabilities: Sequence[str]) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            "the predictions are missing or damaged", where=path, hint=_AGAIN
        ) from error
    absent = [name for name in (*_NEEDED, *probabilities) if name not in table.column_names]
    if absent:
        raise DataError(f"the predictions lack {', '.join(absent)}", where=path, hint=_AGAIN)
    return table
