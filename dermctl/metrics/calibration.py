"""Whether a probability means what it says: calibration error, Brier score, temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.metrics.bootstrap import RESAMPLES, Interval, bootstrap
from dermctl.metrics.inputs import (
    FloatArray,
    IntArray,
    check_predictions,
    clusters_in,
    encode_clusters,
)
from dermctl.metrics.results import ratio
from dermctl.metrics.tallies import Tally

# Bins of the calibration error and curve: equal widths over 0..1, closed above.
CALIBRATION_BINS = 15


class Calibration:
    """Calibration of n images, ready for any weighting of the clusters.

    Args:
        labels: [n] class indices.
        probabilities: [n, C].
        codes: [n] cluster of each image, 0..clusters-1.
        clusters: number of clusters.
        bins: of equal width over 0..1.
    """

    def __init__(
        self,
        labels: IntArray,
        probabilities: FloatArray,
        codes: IntArray,
        clusters: int,
        bins: int = CALIBRATION_BINS,
    ) -> None:
        confidence = probabilities.max(axis=1)
        correct = probabilities.argmax(axis=1) == labels
        excess = Tally(bin_of(confidence, bins), codes, (bins, clusters), confidence - correct)
        self._excess = excess
        zeros = np.zeros(len(labels), dtype=np.int64)
        self._squares = Tally(zeros, codes, (1, clusters), squared_errors(labels, probabilities))
        self._total = Tally(zeros, codes, (1, clusters))

    def expected_error(self, weights: FloatArray) -> FloatArray:
        """Expected calibration error [B] of the most probable class under weights [clusters, B].

        Sum over bins of |mean confidence - accuracy| times the bin's share of the images
        (Naeini 2015, Guo 2017, https://arxiv.org/abs/1706.04599).
        """
        return ratio(np.abs(self._excess(weights)).sum(axis=0), self._total(weights)[0])

    def brier(self, weights: FloatArray) -> FloatArray:
        """Mean over images of the squared distance to the one-hot truth, 0..2 [B] (Brier 1950)."""
        return ratio(self._squares(weights)[0], self._total(weights)[0])


def bin_of(probabilities: FloatArray, bins: int) -> IntArray:
    """Bin of each probability: ((i)/bins, (i+1)/bins]; zero is in the first."""
    return np.clip(np.ceil(probabilities * bins).astype(np.int64) - 1, 0, bins - 1)


def squared_errors(labels: IntArray, probabilities: FloatArray) -> FloatArray:
    """Squared distance of each image's probabilities to its one-hot label [n]."""
    own = probabilities[np.arange(len(labels)), labels]
    errors: FloatArray = (probabilities**2).sum(axis=1) - 2 * own + 1
    return errors


def calibration_intervals(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    groups: Sequence[Any] | npt.ArrayLike | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Calibration error and Brier score with intervals that resample groups [n].

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, scores = check_predictions(labels, probabilities)
    codes = encode_clusters(groups, len(truth))
    clusters = clusters_in(codes)
    calibration = Calibration(truth, scores, codes, clusters)

    def statistics(weights: FloatArray) -> dict[str, FloatArray]:
        return {"ece": calibration.expected_error(weights), "brier": calibration.brier(weights)}

    spread = bootstrap(statistics, clusters, resamples=resamples, seed=seed)
    return {name: spread.interval(name) for name in ("ece", "brier")}
