"""What the most probable class gets right: weighted counts, and the rates that follow from them.

The decision is the class with the highest probability; among equal ones the first. ISIC's scoring
calls a tie undecided and counts it as wrong, so those counts are kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dermctl.metrics.inputs import BoolArray, FloatArray, IntArray
from dermctl.metrics.results import mean_of_defined, ratio
from dermctl.metrics.tallies import Tally


@dataclass(frozen=True)
class DecisionCounts:
    """Weighted counts of B weightings.

    Attributes:
        hits: [C, B] images of the class that were decided so.
        untied_hits: [C, B] of those, the ones with a single most probable class.
        support: [C, B] images of the class.
        decided: [C, B] images that were decided to be of the class.
        top_k: [B] images whose class is among the k most probable.
        total: [B] all images.
    """

    hits: FloatArray
    untied_hits: FloatArray
    support: FloatArray
    decided: FloatArray
    top_k: FloatArray
    total: FloatArray


class Decisions:
    """The decisions on n images, ready for any weighting of the clusters.

    Args:
        labels: [n] class indices.
        probabilities: [n, C].
        codes: [n] cluster of each image, 0..clusters-1.
        clusters: number of clusters.
        k: how many classes `top_k` looks at.
    """

    def __init__(
        self, labels: IntArray, probabilities: FloatArray, codes: IntArray, clusters: int, k: int
    ) -> None:
        self._classes = probabilities.shape[1]
        decided = probabilities.argmax(axis=1)
        hit = decided == labels
        untied = hit & ~is_tied(probabilities)
        near = in_top_k(labels, probabilities, k)
        blocks = [
            (labels[hit], codes[hit]),
            (labels[untied], codes[untied]),
            (labels, codes),
            (decided, codes),
            (np.zeros(int(near.sum()), dtype=np.int64), codes[near]),
        ]
        rows = np.concatenate([i * self._classes + rows for i, (rows, _) in enumerate(blocks)])
        self._tally = Tally(
            rows,
            np.concatenate([block_codes for _, block_codes in blocks]),
            (4 * self._classes + 1, clusters),
        )

    def counts(self, weights: FloatArray) -> DecisionCounts:
        """Counts under cluster weights [clusters, B]."""
        sums = self._tally(weights)
        hits, untied, support, decided = sums[:-1].reshape(4, self._classes, -1)
        return DecisionCounts(hits, untied, support, decided, sums[-1], support.sum(axis=0))


def confusion_matrix(labels: IntArray, decided: IntArray, classes: int) -> IntArray:
    """Images by truth (rows) and decision (columns) [C, C]."""
    cells = np.bincount(labels * classes + decided, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def is_tied(probabilities: FloatArray) -> BoolArray:
    """Whether several classes share the highest probability: [n, C] → [n]."""
    top = probabilities.max(axis=1, keepdims=True)
    tied: BoolArray = (probabilities == top).sum(axis=1) > 1
    return tied


def in_top_k(labels: IntArray, probabilities: FloatArray, k: int) -> BoolArray:
    """Whether the label is among the k most probable classes [n]; of equal ones the first win."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    ahead = (probabilities > own) | ((probabilities == own) & earlier)
    near: BoolArray = ahead.sum(axis=1) < k
    return near


def accuracy(counts: DecisionCounts) -> FloatArray:
    """Share of images decided rightly [B]."""
    return ratio(counts.hits.sum(axis=0), counts.total)


def top_k_accuracy(counts: DecisionCounts) -> FloatArray:
    """Share of images whose class is among the k most probable [B]."""
    return ratio(counts.top_k, counts.total)


def sensitivity(counts: DecisionCounts) -> FloatArray:
    """Recall of each class [C, B]; NaN for a class without images."""
    return ratio(counts.hits, counts.support)


def specificity(counts: DecisionCounts) -> FloatArray:
    """Of the images of other classes, the share not decided to be of this one [C, B]."""
    false = counts.decided - counts.hits
    others = counts.total - counts.support
    return ratio(others - false, others)


def precision(counts: DecisionCounts) -> FloatArray:
    """Of the images decided to be of the class, the share that is [C, B]; NaN if there are none."""
    return ratio(counts.hits, counts.decided)


def f1(counts: DecisionCounts) -> FloatArray:
    """Harmonic mean of precision and recall [C, B].

    2 TP / (2 TP + FP + FN); so 0 for a class without images that was decided for all the same,
    and NaN only for a class that neither the labels nor the decisions have.
    """
    return ratio(2 * counts.hits, counts.support + counts.decided)


def balanced_accuracy(counts: DecisionCounts) -> FloatArray:
    """Mean recall over the classes that have images [B]."""
    return mean_of_defined(sensitivity(counts))


def isic_balanced_accuracy(counts: DecisionCounts) -> FloatArray:
    """As ISIC's challenges score it: the same, with an argmax tie counted as wrong [B]."""
    return mean_of_defined(ratio(counts.untied_hits, counts.support))
