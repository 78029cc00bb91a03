"""Curves as arrays, for plots: ROC, precision-recall, calibration, decision curve.

Truth is 0/1 [n], scores are [n]. A curve that the data leave undefined has NaN in the arrays that
are, and a reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dermctl.metrics.calibration import CALIBRATION_BINS, bin_of
from dermctl.metrics.inputs import BoolArray, FloatArray, IntArray, check_binary, check_predictions
from dermctl.metrics.results import ratio


@dataclass(frozen=True)
class RocCurve:
    """Points from (0, 0), threshold ∞, to (1, 1): one a distinct score, descending [P]."""

    fpr: FloatArray
    tpr: FloatArray
    thresholds: FloatArray
    reason: str | None = None


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """Precision and recall at each distinct score, descending [P]."""

    precision: FloatArray
    recall: FloatArray
    thresholds: FloatArray
    reason: str | None = None


@dataclass(frozen=True)
class CalibrationCurve:
    """Reliability by bins of equal width, closed above; NaN where a bin is empty.

    Attributes:
        edges: [bins + 1].
        images: [bins].
        confidence: [bins] mean probability of the most probable class.
        accuracy: [bins] share of images where that class is right.
    """

    edges: FloatArray
    images: FloatArray
    confidence: FloatArray
    accuracy: FloatArray


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit over threshold probabilities (Vickers & Elkin 2006).

    TP/n - FP/n · p/(1-p): true positives per image, less the false ones at the exchange rate that
    a threshold probability p stands for.

    Attributes:
        thresholds: [P] threshold probabilities, within 0..1 (1 excluded).
        model: [P] treating images with a probability at or above the threshold.
        treat_all: [P] treating every image. Treating none has net benefit 0.
    """

    thresholds: FloatArray
    model: FloatArray
    treat_all: FloatArray


def roc_curve(positive: npt.ArrayLike, scores: npt.ArrayLike) -> RocCurve:
    """True- and false-positive rates at every distinct score.

    Raises:
        DataError: if truth and scores do not fit one another.
    """
    truth, values = check_binary(positive, scores)
    thresholds, hits, false_alarms = _cumulative(truth, values)
    reason = None if 0 < truth.sum() < len(truth) else "no positives, or no negatives"
    return RocCurve(
        fpr=ratio(np.append(0.0, false_alarms), (~truth).sum()),
        tpr=ratio(np.append(0.0, hits), truth.sum()),
        thresholds=np.append(np.inf, thresholds),
        reason=reason,
    )


def precision_recall_curve(positive: npt.ArrayLike, scores: npt.ArrayLike) -> PrecisionRecallCurve:
    """Precision and recall at every distinct score.

    Raises:
        DataError: if truth and scores do not fit one another.
    """
    truth, values = check_binary(positive, scores)
    thresholds, hits, false_alarms = _cumulative(truth, values)
    return PrecisionRecallCurve(
        precision=ratio(hits, hits + false_alarms),
        recall=ratio(hits, truth.sum()),
        thresholds=thresholds,
        reason=None if truth.any() else "no positives",
    )


def calibration_curve(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, bins: int = CALIBRATION_BINS
) -> CalibrationCurve:
    """Confidence against accuracy of the most probable class: labels [n], probabilities [n, C].

    Raises:
        DataError: if labels and probabilities do not fit one another.
    """
    truth, scores = check_predictions(labels, probabilities)
    confidence = scores.max(axis=1)
    place = bin_of(confidence, bins)
    images = _binned(place, np.ones(len(truth)), bins)
    right = (scores.argmax(axis=1) == truth).astype(np.float64)
    return CalibrationCurve(
        edges=np.linspace(0, 1, bins + 1),
        images=images,
        confidence=ratio(_binned(place, confidence, bins), images),
        accuracy=ratio(_binned(place, right, bins), images),
    )


def decision_curve(
    positive: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    thresholds: npt.ArrayLike | None = None,
) -> DecisionCurve:
    """Net benefit of the model and of treating everyone.

    Args:
        positive: [n] truth, 0/1.
        probabilities: [n] of being positive.
        thresholds: [P] threshold probabilities below 1; None: 0.01, 0.02 … 0.99.

    Raises:
        DataError: if truth and probabilities do not fit one another.
    """
    truth, values = check_binary(positive, probabilities)
    default = np.arange(1, 100) / 100
    points = default if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    odds = points / (1 - points)
    hits = _at_or_above(values[truth], points)
    false_alarms = _at_or_above(values[~truth], points)
    prevalence = truth.mean()
    return DecisionCurve(
        thresholds=points,
        model=(hits - false_alarms * odds) / len(truth),
        treat_all=prevalence - (1 - prevalence) * odds,
    )


def _binned(place: IntArray, amounts: FloatArray, bins: int) -> FloatArray:
    """Sums of the amounts in each bin [bins]."""
    return np.asarray(np.bincount(place, amounts, minlength=bins), dtype=np.float64)


def _at_or_above(scores: FloatArray, points: FloatArray) -> FloatArray:
    """How many scores reach each point [P]."""
    below = np.searchsorted(np.sort(scores), points, side="left")
    return (len(scores) - below).astype(np.float64)


def _cumulative(truth: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distinct scores, descending, and the positives and negatives at or above each [P]."""
    distinct = np.unique(scores)[::-1]
    return distinct, _at_or_above(scores[truth], distinct), _at_or_above(scores[~truth], distinct)
