"""The difference between two models on the same images, with its interval.

Both are scored on the same resamples, so what makes images hard for both cancels out; comparing
two separate intervals instead would hide differences that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from dermctl.errors import DataError
from dermctl.metrics.bootstrap import RESAMPLES, Interval, bootstrap
from dermctl.metrics.headline import OVERALL, Headline
from dermctl.metrics.inputs import FloatArray, check_predictions, clusters_in, encode_clusters


def paired_difference(
    labels: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: Sequence[Any] | npt.ArrayLike | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """First minus second, for every overall metric.

    Args:
        labels: [n] class indices.
        first, second: [n, C] probabilities of the two models for the same images, in order.
        groups: [n] what must be resampled together; None: single images.
        resamples: bootstrap resamples.
        seed: of the resampling.

    Returns:
        metric → difference with its 95 % percentile interval; NaN where either is undefined.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, ours = check_predictions(labels, first)
    _, theirs = check_predictions(labels, second)
    if ours.shape != theirs.shape:
        raise DataError(f"predictions of different shapes: {ours.shape} and {theirs.shape}")
    codes = encode_clusters(groups, len(truth))
    clusters = clusters_in(codes)
    one, other = (Headline(truth, scores, codes, clusters) for scores in (ours, theirs))

    def differences(weights: FloatArray) -> dict[str, FloatArray]:
        left, right = one(weights), other(weights)
        return {name: left[name] - right[name] for name in OVERALL}

    distribution = bootstrap(differences, clusters, resamples=resamples, seed=seed)
    return {name: distribution.interval(name) for name in OVERALL}
