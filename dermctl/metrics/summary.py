"""One call from predictions to everything an evaluation reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError
from dermctl.metrics.bootstrap import (
    RESAMPLES,
    Distribution,
    Interval,
    bootstrap,
    per_class_to_json,
)
from dermctl.metrics.decisions import confusion_matrix
from dermctl.metrics.headline import MACRO_OF, MIN_TPR, OVERALL, PER_CLASS, Headline
from dermctl.metrics.inputs import IntArray, check_predictions, clusters_in, encode_clusters
from dermctl.metrics.results import plain
from dermctl.metrics.thresholds import OperatingPoint, Threshold, apply_thresholds


@dataclass(frozen=True)
class Evaluation:
    """The headline metrics of one set of predictions.

    Attributes:
        class_names: [C].
        images, clusters: how many were scored.
        intervals: metric → value with interval, for every name in `headline.OVERALL`.
        per_class: class name → metric → value with interval, for every name in
            `headline.PER_CLASS`.
        support: [C] images of each class.
        confusion: [C, C] images; rows are the truth, columns the decision.
        undefined: metric, or "metric/class" → why it has no value or leaves a class out.
        operating_points: class name → sensitivity and specificity at each threshold chosen
            elsewhere.
        min_tpr: true-positive rate above which the partial area lies.
        seed: of the resampling.
    """

    class_names: tuple[str, ...]
    images: int
    clusters: int
    intervals: dict[str, Interval]
    per_class: dict[str, dict[str, Interval]]
    support: tuple[int, ...]
    confusion: IntArray
    undefined: dict[str, str]
    operating_points: dict[str, tuple[OperatingPoint, ...]]
    min_tpr: float
    seed: int

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes that have images."""
        return self.intervals["balanced_accuracy"].value

    @property
    def auroc(self) -> float:
        """One-vs-rest area under the ROC curve, mean over the classes where it is defined."""
        return self.intervals["auroc"].value

    def to_json(self) -> dict[str, Any]:
        """Plain values; each overall metric is a number at the top level (None: undefined)."""
        return {
            "images": self.images,
            "clusters": self.clusters,
            "class_names": list(self.class_names),
            "support": list(self.support),
            **{name: plain(interval.value) for name, interval in self.intervals.items()},
            "intervals": {name: interval.to_json() for name, interval in self.intervals.items()},
            "per_class": per_class_to_json(self.per_class),
            "confusion": self.confusion.tolist(),
            "undefined": dict(self.undefined),
            "operating_points": {
                class_name: [point.to_json() for point in points]
                for class_name, points in self.operating_points.items()
            },
            "min_tpr": self.min_tpr,
            "seed": self.seed,
        }


def evaluate_predictions(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    groups: Sequence[Any] | npt.ArrayLike | None,
    class_names: Sequence[str],
    *,
    thresholds: Mapping[str, Sequence[Threshold]] | None = None,
    min_tpr: float = MIN_TPR,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Score predictions, with intervals that resample groups.

    Noise raises the calibration error, in resamples more than on the images themselves, so that
    its interval lies too high where the error is small.

    Args:
        labels: [n] class indices.
        probabilities: [n, C], each row summing to 1.
        groups: [n] what must be resampled together (patient or group id); None: single images.
        class_names: [C].
        thresholds: class name → thresholds chosen on validation images (`choose_thresholds`).
        min_tpr: true-positive rate above which the partial area lies.
        resamples: bootstrap resamples; 0 leaves the bounds NaN.
        seed: of the resampling; the same seed compares models on the same resamples.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, scores = check_predictions(labels, probabilities)
    names = check_class_names(class_names, scores.shape[1])
    codes = encode_clusters(groups, len(truth))
    clusters = clusters_in(codes)
    headline = Headline(truth, scores, codes, clusters, min_tpr)
    distribution = bootstrap(headline, clusters, resamples=resamples, seed=seed)
    return Evaluation(
        class_names=names,
        images=len(truth),
        clusters=clusters,
        intervals=overall_intervals(distribution),
        per_class=per_class_intervals(distribution, names),
        support=tuple(np.bincount(truth, minlength=len(names)).tolist()),
        confusion=confusion_matrix(truth, scores.argmax(axis=1), len(names)).astype(np.int64),
        undefined=explain_undefined(distribution, names)
        | ({} if clusters > 1 else {"intervals": "a single group cannot be resampled"}),
        operating_points=apply_thresholds(
            truth, scores, codes, names, thresholds or {}, resamples=resamples, seed=seed
        ),
        min_tpr=min_tpr,
        seed=seed,
    )


def check_class_names(class_names: Sequence[str], classes: int) -> tuple[str, ...]:
    """The names as a tuple.

    Raises:
        DataError: if there is not one name for each class, all different.
    """
    names = tuple(class_names)
    if len(names) != classes or len(set(names)) != classes:
        raise DataError(f"{len(set(names))} distinct class names for {classes} classes")
    return names


def overall_intervals(distribution: Distribution) -> dict[str, Interval]:
    """The intervals of the overall metrics, with the resamples that lacked a class counted."""
    return {
        name: distribution.interval(name, _partial_resamples(distribution, name))
        for name in OVERALL
    }


def per_class_intervals(
    distribution: Distribution, class_names: tuple[str, ...]
) -> dict[str, dict[str, Interval]]:
    """Class name → per-class metric → value with interval."""
    columns = {metric: distribution.intervals(metric) for metric in PER_CLASS}
    return {
        class_name: {metric.removesuffix("_per_class"): columns[metric][i] for metric in PER_CLASS}
        for i, class_name in enumerate(class_names)
    }


def explain_undefined(distribution: Distribution, class_names: Sequence[str]) -> dict[str, str]:
    """Why metrics have no value, or averages leave classes out: name → reason."""
    reasons: dict[str, str] = {}
    for metric, reason in PER_CLASS.items():
        for class_name, value in zip(class_names, distribution.values[metric], strict=True):
            if np.isnan(value):
                reasons[f"{metric}/{class_name}"] = reason
    for metric in OVERALL:
        missing = _classes_missing(distribution, metric, class_names)
        if missing:
            reasons[metric] = "averaged without " + ", ".join(missing)
        if np.isnan(distribution.values[metric]):
            reasons[metric] = "undefined for every class"
    return reasons


def _classes_missing(
    distribution: Distribution, metric: str, class_names: Sequence[str]
) -> list[str]:
    if metric not in MACRO_OF:
        return []
    per_class = distribution.values[MACRO_OF[metric]]
    return [name for name, value in zip(class_names, per_class, strict=True) if np.isnan(value)]


def _partial_resamples(distribution: Distribution, metric: str) -> int:
    """Resamples that have a value, but over fewer classes than the images themselves."""
    if metric not in MACRO_OF:
        return 0
    per_class = MACRO_OF[metric]
    defined = ~np.isnan(distribution.values[per_class])
    lacking = np.isnan(distribution.samples[per_class][defined]).any(axis=0)
    return int((lacking & ~np.isnan(distribution.samples[metric])).sum())
