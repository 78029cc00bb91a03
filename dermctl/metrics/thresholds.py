"""Decision thresholds: chosen on one set of images (validation), applied to another (test).

An image is called positive when its score is at or above the threshold. Choosing and applying are
two calls on purpose: a threshold chosen on the images that it is judged on flatters the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError, UsageFault
from dermctl.metrics.bootstrap import RESAMPLES, Interval, bootstrap
from dermctl.metrics.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    check_binary,
    check_predictions,
    clusters_in,
    encode_clusters,
)
from dermctl.metrics.results import plain, ratio
from dermctl.metrics.tallies import Tally


@dataclass(frozen=True)
class Threshold:
    """A threshold and what it was chosen for.

    Attributes:
        value: an image at or above it is positive; NaN if it could not be chosen.
        aim: "specificity" or "sensitivity".
        target: the least value of the aim.
        sensitivity, specificity: reached on the images that it was chosen on.
        reason: why there is none.
    """

    value: float
    aim: str
    target: float
    sensitivity: float
    specificity: float
    reason: str | None = None


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold, chosen elsewhere, gives on these images.

    Attributes:
        threshold: as applied.
        sensitivity: positives called positive.
        specificity: negatives called negative.
        predictive_value: of the images called positive, the share that is.
    """

    threshold: Threshold
    sensitivity: Interval
    specificity: Interval
    predictive_value: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {
            "threshold": plain(self.threshold.value),
            "chosen_for": {self.threshold.aim: self.threshold.target},
            "reason": self.threshold.reason,
            "sensitivity": self.sensitivity.to_json(),
            "specificity": self.specificity.to_json(),
            "predictive_value": self.predictive_value.to_json(),
        }


def choose_threshold(
    positive: npt.ArrayLike,
    scores: npt.ArrayLike,
    *,
    specificity: float | None = None,
    sensitivity: float | None = None,
) -> Threshold:
    """The threshold that keeps one rate at its target or above and makes the other the highest.

    Args:
        positive: [n] truth, 0/1.
        scores: [n], finite.
        specificity: the least share of negatives below the threshold; the lowest such is taken.
        sensitivity: the least share of positives at or above it; the highest such is taken.

    Raises:
        UsageFault: unless exactly one target is given, within 0..1.
        DataError: if truth and scores do not fit one another.
    """
    targets = {"specificity": specificity, "sensitivity": sensitivity}
    given = [(aim, target) for aim, target in targets.items() if target is not None]
    if len(given) != 1 or not 0 <= given[0][1] <= 1:
        raise UsageFault("give one target, specificity or sensitivity, within 0..1")
    aim, target = given[0]
    truth, values = check_binary(positive, scores)
    needed = "negatives" if aim == "specificity" else "positives"
    if not (truth == (aim == "sensitivity")).any():
        return Threshold(np.nan, aim, target, np.nan, np.nan, f"no {needed} to choose it on")
    chosen = _choose(truth, values, aim, target)
    called = values >= chosen
    return Threshold(
        chosen,
        aim,
        target,
        sensitivity=float(ratio((called & truth).sum(), truth.sum())),
        specificity=float(ratio((~called & ~truth).sum(), (~truth).sum())),
    )


def choose_thresholds(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    class_names: Sequence[str],
    *,
    specificity: float | None = None,
    sensitivity: float | None = None,
) -> dict[str, Threshold]:
    """`choose_threshold` for each class against the rest: class name → threshold.

    Raises:
        UsageFault, DataError: as `choose_threshold`.
    """
    truth, scores = check_predictions(labels, probabilities)
    return {
        name: choose_threshold(
            truth == index, scores[:, index], specificity=specificity, sensitivity=sensitivity
        )
        for index, name in enumerate(class_names)
    }


def apply_threshold(
    positive: npt.ArrayLike,
    scores: npt.ArrayLike,
    threshold: Threshold,
    groups: Sequence[Any] | npt.ArrayLike | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> OperatingPoint:
    """Sensitivity and specificity at a threshold chosen elsewhere, resampling groups [n].

    Raises:
        DataError: if truth, scores and groups do not fit one another.
    """
    truth, values = check_binary(positive, scores)
    codes = encode_clusters(groups, len(truth))
    points = operating_points([(truth, values, threshold)], codes, resamples=resamples, seed=seed)
    return points[0]


def apply_thresholds(
    labels: IntArray,
    probabilities: FloatArray,
    codes: IntArray,
    class_names: Sequence[str],
    thresholds: Mapping[str, Sequence[Threshold]],
    *,
    resamples: int,
    seed: int,
) -> dict[str, tuple[OperatingPoint, ...]]:
    """The operating points of each named class against the rest.

    Raises:
        DataError: if a threshold is for a class that is not there.
    """
    unknown = [name for name in thresholds if name not in class_names]
    if unknown:
        raise DataError(f"a threshold for an unknown class: {unknown[0]}")
    index = {name: i for i, name in enumerate(class_names)}
    cases = [
        (labels == index[name], probabilities[:, index[name]], threshold)
        for name, each in thresholds.items()
        for threshold in each
    ]
    points = iter(operating_points(cases, codes, resamples=resamples, seed=seed))
    return {name: tuple(next(points) for _ in each) for name, each in thresholds.items()}


def operating_points(
    cases: Sequence[tuple[BoolArray, FloatArray, Threshold]],
    codes: IntArray,
    *,
    resamples: int,
    seed: int,
) -> list[OperatingPoint]:
    """`apply_threshold` on several checked (truth [n], scores [n], threshold), on one resampling.

    A NaN threshold gives undefined rates.
    """
    if not cases:
        return []
    clusters = clusters_in(codes)
    # Rows of each case: true negative, called falsely, missed, called rightly.
    rows = [
        4 * number + 2 * truth + (scores >= threshold.value)
        for number, (truth, scores, threshold) in enumerate(cases)
    ]
    tally = Tally(np.concatenate(rows), np.tile(codes, len(cases)), (4 * len(cases), clusters))
    given = np.array([[np.nan if np.isnan(each.value) else 1.0] for *_, each in cases])

    def rates(weights: FloatArray) -> dict[str, FloatArray]:
        counts = tally(weights).reshape(len(cases), 4, -1).transpose(1, 0, 2)
        right_negative, false_positive, missed, right_positive = counts
        return {
            "sensitivity": given * ratio(right_positive, right_positive + missed),
            "specificity": given * ratio(right_negative, right_negative + false_positive),
            "predictive_value": given * ratio(right_positive, right_positive + false_positive),
        }

    spread = bootstrap(rates, clusters, resamples=resamples, seed=seed)
    intervals = {name: spread.intervals(name) for name in spread.values}
    return [
        OperatingPoint(threshold, **{name: each[number] for name, each in intervals.items()})
        for number, (_, _, threshold) in enumerate(cases)
    ]


def _choose(truth: BoolArray, scores: FloatArray, aim: str, target: float) -> float:
    distinct = np.unique(scores)
    # Above every score nothing is called positive: the last resort for specificity.
    candidates = np.append(distinct, np.nextafter(distinct[-1], np.inf))
    if aim == "specificity":
        negatives = np.sort(scores[~truth])
        below = np.searchsorted(negatives, candidates, side="left")
        return float(candidates[below / len(negatives) >= target][0])
    positives = np.sort(scores[truth])
    above = len(positives) - np.searchsorted(positives, candidates, side="left")
    return float(candidates[above / len(positives) >= target][-1])
