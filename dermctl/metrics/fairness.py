"""Disparities between subgroups of images (skin types, say), from counts of decisions.

PQD, DPM and EOM are those of FairDisCo (Du et al. 2022, https://arxiv.org/abs/2208.10013): ratios
of the worst to the best subgroup, 1 being parity. With subgroups s and classes c:

- PQD, predictive quality disparity: min_s accuracy(s) / max_s accuracy(s).
- DPM, demographic parity: mean over c of min_s P(decided c | s) / max_s P(decided c | s).
- EOM, equality of opportunity: the same with P(decided c | label c, s).

The authors' code is NaN as soon as one subgroup lacks a class. Here a subgroup without images (of
the class, for a true-positive rate) is left out of the minimum and maximum, and a class is left
out of the mean, and named, if fewer than two subgroups remain or the rate is zero in all of them.

Equalised odds (Hardt et al. 2016, https://arxiv.org/abs/1610.02413) of a class against the rest:
the larger of the ranges of true- and false-positive rate over subgroups; the overall value is that
of the worst class. A class whose rates fewer than two subgroups define is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dermctl.metrics.inputs import BoolArray, FloatArray, IntArray
from dermctl.metrics.results import mean_of_defined, ratio


@dataclass(frozen=True)
class GroupCounts:
    """Counts by subgroup and class, [S, C, B], of B ways to divide the images into subgroups.

    Attributes:
        hits: images of the class that were decided so.
        support: images of the class.
        decided: images that were decided to be of the class.
    """

    hits: FloatArray
    support: FloatArray
    decided: FloatArray


def count_decisions(
    labels: IntArray, decided: IntArray, subgroups: IntArray, groups: int, classes: int
) -> GroupCounts:
    """Count labels and decisions (class indices [n]) by subgroup (0..groups-1 [n]); B is 1."""

    def table(chosen: BoolArray, columns: IntArray) -> FloatArray:
        cells = subgroups[chosen] * classes + columns[chosen]
        counts = np.bincount(cells, minlength=groups * classes)
        return counts.reshape(groups, classes, 1).astype(np.float64)

    every = np.ones(len(labels), dtype=np.bool_)
    return GroupCounts(
        hits=table(labels == decided, labels),
        support=table(every, labels),
        decided=table(every, decided),
    )


def stack_counts(counts: Sequence[GroupCounts]) -> GroupCounts:
    """Several counts side by side, along B."""
    return GroupCounts(
        hits=np.concatenate([each.hits for each in counts], axis=-1),
        support=np.concatenate([each.support for each in counts], axis=-1),
        decided=np.concatenate([each.decided for each in counts], axis=-1),
    )


def accuracies(counts: GroupCounts) -> FloatArray:
    """Accuracy of each subgroup [S, B]."""
    return ratio(counts.hits.sum(axis=1), counts.support.sum(axis=1))


def true_positive_rates(counts: GroupCounts) -> FloatArray:
    """P(decided c | label c, s), [S, C, B]; NaN where the subgroup lacks the class."""
    return ratio(counts.hits, counts.support)


def false_positive_rates(counts: GroupCounts) -> FloatArray:
    """P(decided c | label not c, s), [S, C, B]."""
    others = counts.support.sum(axis=1, keepdims=True) - counts.support
    return ratio(counts.decided - counts.hits, others)


def pqd(counts: GroupCounts) -> FloatArray:
    """Predictive quality disparity [B]."""
    return min_over_max(accuracies(counts))


def dpm_per_class(counts: GroupCounts) -> FloatArray:
    """Min over max of the subgroups' prediction rates [C, B]; DPM is its mean."""
    return min_over_max(ratio(counts.decided, counts.support.sum(axis=1, keepdims=True)))


def eom_per_class(counts: GroupCounts) -> FloatArray:
    """Min over max of the subgroups' true-positive rates [C, B]; EOM is its mean."""
    return min_over_max(true_positive_rates(counts))


def equalised_odds_per_class(counts: GroupCounts) -> FloatArray:
    """The larger of the ranges of true- and false-positive rate over subgroups [C, B]."""
    spread = _range(true_positive_rates(counts)), _range(false_positive_rates(counts))
    return np.maximum(*spread)


def disparities(counts: GroupCounts) -> dict[str, FloatArray]:
    """All four: `pqd`, `dpm`, `eom` and `equalised_odds_difference` [B], and per class [C, B]."""
    dpm, eom = dpm_per_class(counts), eom_per_class(counts)
    odds = equalised_odds_per_class(counts)
    worst = np.where(np.isnan(odds).all(axis=0), np.nan, np.nan_to_num(odds).max(axis=0))
    return {
        "pqd": pqd(counts),
        "dpm": mean_of_defined(dpm),
        "eom": mean_of_defined(eom),
        "equalised_odds_difference": worst,
        "dpm_per_class": dpm,
        "eom_per_class": eom,
        "equalised_odds_difference_per_class": odds,
    }


def min_over_max(rates: FloatArray) -> FloatArray:
    """Least over greatest along the first axis (subgroups), of what is defined: [S, ...] → [...].

    NaN where fewer than two subgroups are defined, or all are zero.
    """
    low, high = _extremes(rates)
    return ratio(low, high)


def _range(rates: FloatArray) -> FloatArray:
    low, high = _extremes(rates)
    return high - low


def _extremes(rates: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Least and greatest defined rate along the first axis; NaN where fewer than two are."""
    defined = ~np.isnan(rates)
    enough = defined.sum(axis=0) >= 2
    low = np.where(defined, rates, np.inf).min(axis=0)
    high = np.where(defined, rates, -np.inf).max(axis=0)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
