"""The metrics that every evaluation reports, for many weightings of the clusters at once."""

from __future__ import annotations

import numpy as np

from dermctl.metrics import decisions, ranks
from dermctl.metrics.calibration import Calibration
from dermctl.metrics.inputs import FloatArray, IntArray
from dermctl.metrics.results import (
    NEITHER,
    NEVER_DECIDED,
    NO_IMAGES,
    NO_OTHERS,
    ONE_SIDED,
    mean_of_defined,
    ratio,
)

# ISIC 2024 integrates above this true-positive rate.
MIN_TPR = 0.8
TOP_K = 3

# Averages over classes → the per-class metric that they average.
MACRO_OF = {
    "balanced_accuracy": "sensitivity",
    "isic_balanced_accuracy": "sensitivity",
    "f1": "f1_per_class",
    "auroc": "auroc_per_class",
    "auroc_weighted": "auroc_per_class",
    "auprc": "auprc_per_class",
    "auprc_weighted": "auprc_per_class",
    "pauc": "pauc_per_class",
}
OVERALL = (
    "accuracy",
    "balanced_accuracy",
    "isic_balanced_accuracy",
    f"top_{TOP_K}_accuracy",
    "f1",
    "auroc",
    "auroc_weighted",
    "auprc",
    "auprc_weighted",
    "pauc",
    "ece",
    "brier",
)
LOWER_IS_BETTER = frozenset({"ece", "brier"})
# Per-class metrics → why one can be undefined.
PER_CLASS = {
    "sensitivity": NO_IMAGES,
    "specificity": NO_OTHERS,
    "precision": NEVER_DECIDED,
    "f1_per_class": NEITHER,
    "auroc_per_class": ONE_SIDED,
    "auprc_per_class": NO_IMAGES,
    "pauc_per_class": ONE_SIDED,
}


class Headline:
    """All headline metrics of n images, ready for any weighting of the clusters.

    Args:
        labels: [n] class indices.
        probabilities: [n, C].
        codes: [n] cluster of each image, 0..clusters-1.
        clusters: number of clusters (those without an image here are allowed).
        min_tpr: the partial area lies above this true-positive rate, 0..1 (1 excluded).
    """

    def __init__(
        self,
        labels: IntArray,
        probabilities: FloatArray,
        codes: IntArray,
        clusters: int,
        min_tpr: float = MIN_TPR,
    ) -> None:
        self._min_tpr = min_tpr
        one_hot = labels[:, None] == np.arange(probabilities.shape[1])
        self._ranks = ranks.OneVsRest(one_hot, probabilities, codes, clusters)
        self._decisions = decisions.Decisions(labels, probabilities, codes, clusters, TOP_K)
        self._calibration = Calibration(labels, probabilities, codes, clusters)

    def __call__(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Metrics under cluster weights [clusters, B]: [B] each of OVERALL, [C, B] of PER_CLASS."""
        counts = self._decisions.counts(weights)
        ranking = self._ranking(weights)
        return {
            "accuracy": decisions.accuracy(counts),
            "balanced_accuracy": decisions.balanced_accuracy(counts),
            "isic_balanced_accuracy": decisions.isic_balanced_accuracy(counts),
            f"top_{TOP_K}_accuracy": decisions.top_k_accuracy(counts),
            "f1": mean_of_defined(decisions.f1(counts)),
            "auroc": mean_of_defined(ranking["auroc_per_class"]),
            "auroc_weighted": _weighted(ranking["auroc_per_class"], counts.support),
            "auprc": mean_of_defined(ranking["auprc_per_class"]),
            "auprc_weighted": _weighted(ranking["auprc_per_class"], counts.support),
            "pauc": mean_of_defined(ranking["pauc_per_class"]),
            "ece": self._calibration.expected_error(weights),
            "brier": self._calibration.brier(weights),
            "sensitivity": decisions.sensitivity(counts),
            "specificity": decisions.specificity(counts),
            "precision": decisions.precision(counts),
            "f1_per_class": decisions.f1(counts),
            **ranking,
        }

    def _ranking(self, weights: FloatArray) -> dict[str, FloatArray]:
        rows = [
            (
                ranks.auroc(ranked),
                ranks.average_precision(ranked),
                ranks.partial_auroc(ranked, self._min_tpr),
            )
            for ranked in self._ranks.classes(weights)
        ]
        names = ("auroc_per_class", "auprc_per_class", "pauc_per_class")
        columns = zip(*rows, strict=True)
        return {name: np.stack(column) for name, column in zip(names, columns, strict=True)}


def _weighted(per_class: FloatArray, support: FloatArray) -> FloatArray:
    """Mean over the defined classes by their share of the images: [C, B] → [B]."""
    defined = ~np.isnan(per_class)
    sums = np.where(defined, per_class * support, 0.0).sum(axis=0)
    return ratio(sums, np.where(defined, support, 0.0).sum(axis=0))
