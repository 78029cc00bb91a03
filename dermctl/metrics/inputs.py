"""What every metric takes, checked once: labels [n], probabilities [n, C], clusters [n]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Softmax outputs that went through half precision still sum to one within this.
ROW_SUM_TOLERANCE = 1e-2


def check_labels(labels: npt.ArrayLike, classes: int) -> IntArray:
    """Class indices as int64 [n], each in 0..classes-1.

    Raises:
        DataError: if they are not whole numbers in that range, or there are none.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise DataError(f"labels must be one class index per image, got shape {array.shape}")
    if array.dtype.kind == "f" and np.array_equal(array, np.trunc(array)):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise DataError(f"labels must be class indices (integers), got {array.dtype}")
    indices = array.astype(np.int64)
    if indices.min() < 0 or indices.max() >= classes:
        wrong = indices[(indices < 0) | (indices >= classes)][0]
        raise DataError(f"label {wrong} is outside 0..{classes - 1}")
    return indices


def check_probabilities(probabilities: npt.ArrayLike) -> FloatArray:
    """Class probabilities as float64 [n, C], C >= 2: finite, within 0..1, each row summing to 1.

    Raises:
        DataError: naming the first row that is not so.
    """
    array = np.asarray(probabilities, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] < 2:
        raise DataError(f"probabilities must be [images, 2 or more classes], got {array.shape}")
    bad = ~np.isfinite(array).all(axis=1)
    bad |= (array < 0).any(axis=1) | (array > 1 + ROW_SUM_TOLERANCE).any(axis=1)
    bad |= np.abs(array.sum(axis=1) - 1) > ROW_SUM_TOLERANCE
    if bad.any():
        raise DataError(
            "probabilities must be finite, within 0..1 and sum to 1",
            where=f"row {int(bad.argmax())}",
            hint="Apply a softmax to logits first",
        )
    return array


def check_predictions(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike
) -> tuple[IntArray, FloatArray]:
    """Labels [n] and probabilities [n, C], checked each and against one another.

    Raises:
        DataError: see `check_labels` and `check_probabilities`; or unequal lengths.
    """
    checked = check_probabilities(probabilities)
    indices = check_labels(labels, checked.shape[1])
    if len(indices) != len(checked):
        raise DataError(f"{len(indices)} labels for {len(checked)} rows of probabilities")
    return indices, checked


def check_binary(positive: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[BoolArray, FloatArray]:
    """A two-class problem: whether each image is positive [n], and its score [n] (finite).

    Raises:
        DataError: if lengths differ, a score is not finite, or the truth is not 0/1.
    """
    truth, values = np.asarray(positive), np.asarray(scores, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != values.shape:
        raise DataError(f"truth {truth.shape} and scores {values.shape} must both be [n]")
    if not np.isin(truth, (0, 1)).all():
        raise DataError("the truth of a two-class problem must be 0 or 1")
    if not np.isfinite(values).all():
        raise DataError(
            "scores must be finite", where=f"row {int((~np.isfinite(values)).argmax())}"
        )
    return truth.astype(np.bool_), values


def pool_classes(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, classes: Sequence[int]
) -> tuple[BoolArray, FloatArray]:
    """A two-class problem from several classes: is it any of them (the malignant ones, say)?

    Args:
        labels: [n] class indices.
        probabilities: [n, C].
        classes: indices of the positive classes.

    Returns:
        Truth [n], and as score the sum of the classes' probabilities [n].

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, scores = check_predictions(labels, probabilities)
    chosen = check_labels(classes, scores.shape[1])
    return np.isin(truth, chosen), scores[:, np.unique(chosen)].sum(axis=1)


def check_weights(weights: npt.ArrayLike | None, images: int) -> FloatArray:
    """How often each image counts, float64 [n]; None: once each.

    Raises:
        DataError: if a weight is negative or not finite, or their number is not n.
    """
    if weights is None:
        return np.ones(images)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (images,) or not np.isfinite(array).all() or (array < 0).any():
        raise DataError(f"weights must be {images} finite numbers, none negative")
    return array


def encode(values: Iterable[Any]) -> tuple[IntArray, list[Any]]:
    """Number hashable values in order of first appearance: codes [n] and the distinct values."""
    numbers: dict[Any, int] = {}
    items = values.tolist() if isinstance(values, np.ndarray) else values
    codes = np.array([numbers.setdefault(item, len(numbers)) for item in items], dtype=np.int64)
    return codes, list(numbers)


def encode_clusters(groups: Sequence[Any] | npt.ArrayLike | None, images: int) -> IntArray:
    """Cluster number [n], from 0, of every image; None: every image is a cluster of its own.

    Raises:
        DataError: if a group is missing (None or NaN) or their number is not n.
    """
    if groups is None:
        return np.arange(images)
    items: list[Any] = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)  # type: ignore[arg-type]
    if len(items) != images:
        raise DataError(f"{len(items)} groups for {images} images")
    for row, item in enumerate(items):
        if item is None or item != item:
            raise DataError("an image has no group", where=f"row {row}")
    return encode(items)[0]


def clusters_in(codes: IntArray) -> int:
    """The number of clusters that codes 0..k-1 name."""
    return int(codes.max()) + 1 if codes.size else 0
