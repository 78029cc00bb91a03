"""The nearest-neighbour probe: what embeddings know untrained, k chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from dermctl.methods.class_weights import inverse_frequency
from dermctl.methods.linear_probe import probe_scores
from dermctl.models.neighbours import NearestNeighbours
from dermctl.progress import SILENT, Progress

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NEIGHBOURS = (1, 5, 10, 20, 50, 100, 200)
_CHUNK = 4_096
"""Validation images compared with the bank at once."""


def fit_nearest_neighbours(
    train: FloatArray,
    train_labels: IntArray,
    val: FloatArray,
    val_labels: IntArray,
    *,
    classes: int,
    monitor: str = "balanced_accuracy",
    balanced: bool = True,
    neighbours: Sequence[int] = NEIGHBOURS,
    progress: Progress = SILENT,
) -> tuple[NearestNeighbours, tuple[tuple[float, dict[str, float]], ...]]:
    """Choose the k that is best on validation.

    Args:
        train: [n, D] embeddings.
        train_labels: [n] class numbers.
        val: [m, D] embeddings.
        val_labels: [m].
        classes: C.
        monitor: key of the scores; ties go to the fewer neighbours.
        balanced: a vote counts as inverse as its class is frequent.
        neighbours: numbers to try, ascending; those above n are left out.
        progress: one unit a number.

    Returns:
        The classifier with the chosen k, and for each k tried the validation scores.
    """
    counts = np.bincount(train_labels, minlength=classes)
    weights = inverse_frequency(counts) if balanced else np.ones(classes)
    votes = torch.tensor(np.eye(classes) * weights, dtype=torch.float32)[train_labels]
    bank = torch.tensor(train, dtype=torch.float32)
    asked = torch.split(torch.tensor(val, dtype=torch.float32), _CHUNK)
    tried: list[tuple[float, dict[str, float]]] = []
    with progress.task("choose the neighbours", len(neighbours), unit="fits") as task:
        for k in [k for k in neighbours if k <= len(train)]:
            head = NearestNeighbours(bank, votes, k=k)
            found = torch.cat([head(part).double().exp() for part in asked]).numpy()
            tried.append((float(k), probe_scores(val_labels, found)))
            task.advance()
    sign = -1 if monitor == "loss" else 1
    best, _ = max(tried, key=lambda entry: (sign * entry[1][monitor], -entry[0]))
    return NearestNeighbours(bank, votes, k=int(best)), tuple(tried)
