"""Single metrics as functions of labels [n] and probabilities [n, C].

Each takes `weights` [n] (how often an image counts; None: once). What the data leave undefined is
NaN with a reason (`results`). Intervals come from `summary` and `bootstrap`, by these formulas.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dermctl.metrics import decisions, ranks
from dermctl.metrics.calibration import CALIBRATION_BINS, Calibration
from dermctl.metrics.decisions import DecisionCounts
from dermctl.metrics.headline import MIN_TPR
from dermctl.metrics.inputs import FloatArray, check_binary, check_predictions, check_weights
from dermctl.metrics.ranks import RankedWeights
from dermctl.metrics.results import (
    NEITHER,
    NEVER_DECIDED,
    NO_IMAGES,
    NO_OTHERS,
    ONE_SIDED,
    ClassScores,
    Score,
)

Weights = npt.ArrayLike | None


def accuracy(labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None) -> Score:
    """Share of images whose most probable class is the label (of equal ones, the first)."""
    return _score(decisions.accuracy(_counts(labels, probabilities, weights)))


def top_k_accuracy(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, k: int, weights: Weights = None
) -> Score:
    """Share of images whose label is among the k most probable (of equal ones, the first)."""
    return _score(decisions.top_k_accuracy(_counts(labels, probabilities, weights, k)))


def balanced_accuracy(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None
) -> Score:
    """Mean recall over the classes that have images."""
    return _score(decisions.balanced_accuracy(_counts(labels, probabilities, weights)))


def isic_balanced_accuracy(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None
) -> Score:
    """As ISIC's challenges score it: an image with several most probable classes is wrong."""
    return _score(decisions.isic_balanced_accuracy(_counts(labels, probabilities, weights)))


def sensitivity(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None
) -> ClassScores:
    """Recall of each class under the most probable class; undefined without images of it."""
    counts = _counts(labels, probabilities, weights)
    return _by_class(decisions.sensitivity(counts), counts.support, NO_IMAGES)


def specificity(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None
) -> ClassScores:
    """Of the images of other classes, the share not decided to be of this one."""
    counts = _counts(labels, probabilities, weights)
    return _by_class(decisions.specificity(counts), counts.support, NO_OTHERS)


def precision(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None
) -> ClassScores:
    """Of the images decided to be of a class, the share that is; undefined if there are none."""
    counts = _counts(labels, probabilities, weights)
    return _by_class(decisions.precision(counts), counts.support, NEVER_DECIDED)


def f1(labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None) -> ClassScores:
    """Harmonic mean of precision and recall of each class (`decisions.f1`)."""
    counts = _counts(labels, probabilities, weights)
    return _by_class(decisions.f1(counts), counts.support, NEITHER)


def auroc(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None
) -> ClassScores:
    """One-vs-rest area under the ROC curve of each class; ties count half (midranks)."""
    return _ranked(labels, probabilities, weights, ranks.auroc, ONE_SIDED)


def auprc(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None
) -> ClassScores:
    """One-vs-rest average precision of each class."""
    return _ranked(labels, probabilities, weights, ranks.average_precision, NO_IMAGES)


def pauc(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    min_tpr: float = MIN_TPR,
    weights: Weights = None,
) -> ClassScores:
    """One-vs-rest partial area above the true-positive rate `min_tpr` (see `binary_pauc`)."""

    def metric(ranked: RankedWeights) -> FloatArray:
        return ranks.partial_auroc(ranked, min_tpr)

    return _ranked(labels, probabilities, weights, metric, ONE_SIDED)


def binary_auroc(positive: npt.ArrayLike, scores: npt.ArrayLike, weights: Weights = None) -> Score:
    """Area under the ROC curve of a two-class problem: truth 0/1 [n], scores [n]."""
    return _binary(positive, scores, weights, ranks.auroc, "no positives, or no negatives")


def binary_auprc(positive: npt.ArrayLike, scores: npt.ArrayLike, weights: Weights = None) -> Score:
    """Average precision of a two-class problem: truth 0/1 [n], scores [n]."""
    return _binary(positive, scores, weights, ranks.average_precision, "no positives")


def binary_pauc(
    positive: npt.ArrayLike,
    scores: npt.ArrayLike,
    min_tpr: float = MIN_TPR,
    weights: Weights = None,
) -> Score:
    """Partial area under the ROC curve above the true-positive rate `min_tpr`, as ISIC 2024 has it.

    In 0..1 - min_tpr, not rescaled: 0.2 is perfect at ISIC's 0.8.
    """

    def metric(ranked: RankedWeights) -> FloatArray:
        return ranks.partial_auroc(ranked, min_tpr)

    return _binary(positive, scores, weights, metric, "no positives, or no negatives")


def ece(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    bins: int = CALIBRATION_BINS,
    weights: Weights = None,
) -> Score:
    """Expected calibration error of the most probable class, over bins of equal width."""
    calibration, column = _calibration(labels, probabilities, weights, bins)
    return _score(calibration.expected_error(column))


def brier(labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights = None) -> Score:
    """Mean squared distance of the probabilities to the one-hot label, in 0..2."""
    calibration, column = _calibration(labels, probabilities, weights, CALIBRATION_BINS)
    return _score(calibration.brier(column))


def _score(values: FloatArray) -> Score:
    value = float(values[0])
    return Score(value, "no image carries weight" if np.isnan(value) else None)


def _by_class(values: FloatArray, support: FloatArray, reason: str) -> ClassScores:
    per_class = values[:, 0]
    undefined = {int(i): reason for i in np.flatnonzero(np.isnan(per_class))}
    return ClassScores(per_class, support[:, 0], undefined)


def _counts(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights, k: int = 1
) -> DecisionCounts:
    truth, scores = check_predictions(labels, probabilities)
    images = len(truth)
    every = decisions.Decisions(truth, scores, np.arange(images), images, k)
    return every.counts(check_weights(weights, images)[:, None])


def _calibration(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, weights: Weights, bins: int
) -> tuple[Calibration, FloatArray]:
    truth, scores = check_predictions(labels, probabilities)
    images = len(truth)
    calibration = Calibration(truth, scores, np.arange(images), images, bins)
    return calibration, check_weights(weights, images)[:, None]


def _ranked(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    weights: Weights,
    metric: Callable[[RankedWeights], FloatArray],
    reason: str,
) -> ClassScores:
    truth, scores = check_predictions(labels, probabilities)
    images = len(truth)
    one_hot = truth[:, None] == np.arange(scores.shape[1])
    column = check_weights(weights, images)[:, None]
    ranking = ranks.OneVsRest(one_hot, scores, np.arange(images), images)
    values = np.stack([metric(ranked) for ranked in ranking.classes(column)])
    return _by_class(values, one_hot.T @ column, reason)


def _binary(
    positive: npt.ArrayLike,
    scores: npt.ArrayLike,
    weights: Weights,
    metric: Callable[[RankedWeights], FloatArray],
    reason: str,
) -> Score:
    truth, values = check_binary(positive, scores)
    images = len(truth)
    column = check_weights(weights, images)[:, None]
    ranking = ranks.OneVsRest(truth[:, None], values[:, None], np.arange(images), images)
    value = float(metric(next(ranking.classes(column)))[0])
    return Score(value, reason if np.isnan(value) else None)
