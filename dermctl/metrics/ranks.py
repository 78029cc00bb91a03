"""One-vs-rest ranking metrics of many weightings, after a single sort.

For a class whose positives have K distinct scores u_1 < … < u_K, a ranking metric needs only how
much weight the positives have at each u_k, and how much the negatives have below it and at it.
Those are weighted counts (`Tally`), so AUROC, average precision and partial AUROC of B bootstrap
resamples cost one sparse product and a few sums over the positives: nothing is sorted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dermctl.metrics.inputs import BoolArray, FloatArray, IntArray
from dermctl.metrics.results import ratio
from dermctl.metrics.tallies import Tally


@dataclass(frozen=True)
class RankedWeights:
    """The weights of one class against the rest, by ascending distinct positive score; B columns.

    Attributes:
        at: [K, B] positives at each score.
        above: [K, B] positives at it or above.
        below: [K, B] negatives strictly below it.
        tied: [K, B] negatives exactly at it; None if no negative ties with a positive.
        positives: [B] all positives.
        negatives: [B] all negatives.
    """

    at: FloatArray
    above: FloatArray
    below: FloatArray
    tied: FloatArray | None
    positives: FloatArray
    negatives: FloatArray


class OneVsRest:
    """The order of the scores of each class, ready for any weighting of the clusters.

    Args:
        positive: [n, C] whether the image belongs to the class.
        scores: [n, C] the higher, the more like the class.
        codes: [n] cluster of each image, 0..clusters-1.
        clusters: number of clusters.
    """

    def __init__(
        self, positive: BoolArray, scores: FloatArray, codes: IntArray, clusters: int
    ) -> None:
        classes = [
            _place(truth, values, codes) for truth, values in zip(positive.T, scores.T, strict=True)
        ]
        self._bounds = np.cumsum([0, *(each.distinct for each in classes)]).tolist()
        self._has_ties = [each.tied[0].size > 0 for each in classes]
        starts = self._bounds[:-1]
        self._at = self._stack([each.at for each in classes], starts, clusters)
        self._gap = self._stack([each.gap for each in classes], starts, clusters)
        self._tied = self._stack([each.tied for each in classes], starts, clusters)
        self._total = Tally(np.zeros(len(codes), dtype=np.int64), codes, (1, clusters))

    def _stack(
        self, entries: list[tuple[IntArray, IntArray]], starts: list[int], clusters: int
    ) -> Tally:
        """One tally of all classes: rows of (row, cluster) entries, each class from its start."""
        rows = [start + rows for start, (rows, _) in zip(starts, entries, strict=True)]
        codes = [codes for _, codes in entries]
        return Tally(np.concatenate(rows), np.concatenate(codes), (self._bounds[-1], clusters))

    def classes(self, weights: FloatArray) -> Iterator[RankedWeights]:
        """Class by class, the ranked weights under cluster weights [clusters, B]."""
        at, gap, total = self._at(weights), self._gap(weights), self._total(weights)[0]
        tied = self._tied(weights) if any(self._has_ties) else None
        bounds = zip(self._bounds, self._bounds[1:], self._has_ties, strict=False)
        for start, stop, has_ties in bounds:
            own = slice(start, stop)
            below = np.cumsum(gap[own], axis=0)
            ties = tied[own] if tied is not None and has_ties else None
            if ties is not None:
                below += np.cumsum(ties, axis=0) - ties
            above = np.cumsum(at[own][::-1], axis=0)[::-1]
            positives = at[own].sum(axis=0)
            yield RankedWeights(at[own], above, below, ties, positives, total - positives)


def auroc(ranked: RankedWeights) -> FloatArray:
    """Area under the ROC curve [B]: P(positive above negative) + ½ P(tie) (midranks)."""
    wins = _dot(ranked.at, ranked.below)
    if ranked.tied is not None:
        wins += _dot(ranked.at, ranked.tied) / 2
    return ratio(wins, ranked.positives * ranked.negatives)


def average_precision(ranked: RankedWeights) -> FloatArray:
    """Area under the precision-recall curve as average precision [B].

    Sum over distinct scores of precision there times the recall gained there, without
    interpolation, as in scikit-learn's `average_precision_score`.
    """
    called = ranked.above + (ranked.negatives - ranked.below)
    # Where nothing is called positive, no recall is gained either: any number will do.
    precision = np.divide(ranked.above, called, out=called, where=called > 0)
    return ratio(_dot(ranked.at, precision), ranked.positives)


def partial_auroc(ranked: RankedWeights, min_tpr: float) -> FloatArray:
    """Area between the ROC curve and the line TPR = `min_tpr`, above that line [B].

    In the range 0..1 - min_tpr; chance gives (1 - min_tpr)² / 2. Ties are straight segments, so
    with `min_tpr` 0 this is `auroc`.
    """
    least = min_tpr * ranked.positives
    # The positives that lie above the line are the lowest-ranked ones: the first rows.
    rows = slice(0, int((ranked.above > least).any(axis=1).sum()))
    at = ranked.at[rows]
    kept = np.clip(np.minimum(at, ranked.above[rows] - least), 0.0, None)
    wins = _dot(kept, ranked.below[rows])
    if ranked.tied is not None:
        # Of a segment that crosses the line only the upper part counts.
        share = np.divide(kept, at, out=np.zeros_like(kept), where=at > 0)
        wins += _dot(kept * share, ranked.tied[rows]) / 2
    return ratio(wins, ranked.positives * ranked.negatives)


class _Places(NamedTuple):
    """Where one class's images lie among the distinct scores of its positives.

    `at`, `gap` and `tied` are (row, cluster) entries: positives at a score, negatives between it
    and the one below, and negatives tied with it.
    """

    distinct: int
    at: tuple[IntArray, IntArray]
    gap: tuple[IntArray, IntArray]
    tied: tuple[IntArray, IntArray]


def _place(truth: BoolArray, scores: FloatArray, codes: IntArray) -> _Places:
    distinct, own = np.unique(scores[truth], return_inverse=True)
    others, other_codes = scores[~truth], codes[~truth]
    above = np.searchsorted(distinct, others)  # the first positive score that is not lower
    inside = above < len(distinct)  # a negative above all positives is below none
    above, others, other_codes = above[inside], others[inside], other_codes[inside]
    tie = distinct[above] == others
    return _Places(
        distinct=len(distinct),
        at=(own, codes[truth]),
        gap=(above[~tie], other_codes[~tie]),
        tied=(above[tie], other_codes[tie]),
    )


def _dot(left: FloatArray, right: FloatArray) -> FloatArray:
    """Sums over rows of products, [K, B] and [K, B] → [B], without an array in between."""
    sums: FloatArray = np.einsum("kb,kb->b", left, right)
    return sums
