"""One-vs-rest ranking metrics of many weightings, after a single sort.

For a class whose positives have K distinct scores u_1 < … < u_K, a ranking metric needs only how
much weight the positives have at each u_k, and how much the negatives have below it and at it.
Those are weighted counts (`Tally`), so AUROC, average precision and partial AUROC of B bootstrap
resamples cost one sparse product and a few sums over the positives: nothing is sorted again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dermctl.metrics.inputs import BoolArray, FloatArray, IntArray
from dermctl.metrics.results import ratio
from dermctl.metrics.tallies import Tally


@dataclass(frozen=True)
class RankedWeights:
    """The weights of one class against the rest, by ascending distinct positive score; B columns.

    Attributes:
        at: [K, B] positives at each score.
        below: [K, B] negatives strictly below it.
        tied: [K, B] negatives exactly at it.
        positives: [B] all positives.
        negatives: [B] all negatives.
    """

    at: FloatArray
    below: FloatArray
    tied: FloatArray
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
        at_rows, at_codes, gap_rows, gap_codes, tied_rows, tied_codes = ([] for _ in range(6))
        self._bounds = [0]
        for truth, values in zip(positive.T, scores.T, strict=True):
            start = self._bounds[-1]
            distinct, place = np.unique(values[truth], return_inverse=True)
            at_rows.append(start + place)
            at_codes.append(codes[truth])
            others, other_codes = values[~truth], codes[~truth]
            above = np.searchsorted(distinct, others)  # index of the first u_k >= score
            inside = above < len(distinct)  # a negative above every positive is below none
            above, others, other_codes = above[inside], others[inside], other_codes[inside]
            tie = distinct[above] == others
            gap_rows.append(start + above[~tie])
            gap_codes.append(other_codes[~tie])
            tied_rows.append(start + above[tie])
            tied_codes.append(other_codes[tie])
            self._bounds.append(start + len(distinct))
        shape = (self._bounds[-1], clusters)
        self._at = Tally(np.concatenate(at_rows), np.concatenate(at_codes), shape)
        self._gap = Tally(np.concatenate(gap_rows), np.concatenate(gap_codes), shape)
        self._tied = Tally(np.concatenate(tied_rows), np.concatenate(tied_codes), shape)
        self._total = Tally(np.zeros(len(codes), dtype=np.int64), codes, (1, clusters))

    def classes(self, weights: FloatArray) -> Iterator[RankedWeights]:
        """Class by class, the ranked weights under cluster weights [clusters, B]."""
        at, gap, tied = self._at(weights), self._gap(weights), self._tied(weights)
        total = self._total(weights)[0]
        for start, stop in zip(self._bounds, self._bounds[1:], strict=False):
            own = slice(start, stop)
            # Below u_k lie the gaps up to it and the ties at the scores before it.
            below = np.cumsum(gap[own] + tied[own], axis=0) - tied[own]
            positives = at[own].sum(axis=0)
            yield RankedWeights(at[own], below, tied[own], positives, total - positives)


def auroc(ranked: RankedWeights) -> FloatArray:
    """Area under the ROC curve [B]: P(positive above negative) + ½ P(tie) (midranks)."""
    wins = (ranked.at * (ranked.below + ranked.tied / 2)).sum(axis=0)
    return ratio(wins, ranked.positives * ranked.negatives)


def average_precision(ranked: RankedWeights) -> FloatArray:
    """Area under the precision-recall curve as average precision [B].

    Sum over distinct scores of precision there times the recall gained there, without
    interpolation, as in scikit-learn's `average_precision_score`.
    """
    true_positives = _from_the_top(ranked.at)
    false_positives = ranked.negatives - ranked.below
    precision = ratio(true_positives, true_positives + false_positives)
    return ratio((ranked.at * np.nan_to_num(precision)).sum(axis=0), ranked.positives)


def partial_auroc(ranked: RankedWeights, min_tpr: float) -> FloatArray:
    """Area between the ROC curve and the line TPR = `min_tpr`, above that line [B].

    In the range 0..1 - min_tpr; chance gives (1 - min_tpr)² / 2. Ties are straight segments.
    """
    high = ratio(_from_the_top(ranked.at), ranked.positives)
    step = ratio(ranked.at, ranked.positives)
    low = high - step
    fpr_high = ratio(ranked.negatives - ranked.below, ranked.negatives)
    fpr_rise = ratio(ranked.tied, ranked.negatives)
    start = np.maximum(low, min_tpr)
    kept = np.clip(high - start, 0.0, None)
    # Mean false-positive rate over the kept, upper part of the segment.
    fpr = fpr_high - fpr_rise * np.nan_to_num(ratio(kept, step)) / 2
    area = (kept * (1 - fpr)).sum(axis=0)
    # A class without positives has no rows to be NaN: say so.
    return np.where((ranked.positives > 0) & (ranked.negatives > 0), area, np.nan)


def _from_the_top(at: FloatArray) -> FloatArray:
    """Cumulative sums from the highest score down, [K, B]."""
    sums: FloatArray = np.cumsum(at[::-1], axis=0)[::-1]
    return sums
