"""What a disparity would be if subgroups did not matter: its values under shuffled subgroups.

The minimum over the maximum of several noisy rates is below 1 even where all are the same, the
more so the smaller the subgroups. So a disparity is read beside its values with the subgroups
dealt out anew among the clusters (patients).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dermctl.metrics.fairness import count_decisions, disparities, stack_counts
from dermctl.metrics.inputs import FloatArray, IntArray, clusters_in
from dermctl.metrics.results import plain_fields

PERMUTATIONS = 1000
# Measures that grow with disparity; the others fall.
HIGHER_IS_WORSE = frozenset({"equalised_odds_difference"})


@dataclass(frozen=True)
class Permuted:
    """A disparity under shuffled subgroups.

    Attributes:
        median: of the shuffles.
        low, high: 2.5th and 97.5th percentile.
        p_value: (1 + shuffles at least as bad as observed) / (1 + shuffles).
        permutations: shuffles in which it was defined.
    """

    median: float
    low: float
    high: float
    p_value: float
    permutations: int

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return plain_fields(self)


def permuted_disparities(
    labels: IntArray,
    decided: IntArray,
    subgroups: IntArray,
    codes: IntArray,
    observed: dict[str, float],
    *,
    classes: int,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> dict[str, Permuted]:
    """Disparities under shuffled subgroups, against the observed ones.

    Subgroups are shuffled among clusters where every cluster is of one subgroup, else among images.

    Args:
        labels, decided: [n] class indices.
        subgroups: [n] subgroup of each image, 0..S-1.
        codes: [n] cluster of each image.
        observed: name → observed value, for the disparities wanted.
        classes: their number.
        permutations: shuffles.
        seed: of the shuffling.
    """
    groups = int(subgroups.max()) + 1
    owner, held = _units(subgroups, codes)
    rng = np.random.default_rng([seed, len(labels)])
    counts = [
        count_decisions(labels, decided, rng.permutation(held)[owner], groups, classes)
        for _ in range(permutations)
    ]
    shuffled = disparities(stack_counts(counts))
    return {name: _compare(name, value, shuffled[name]) for name, value in observed.items()}


def _units(subgroups: IntArray, codes: IntArray) -> tuple[IntArray, IntArray]:
    """What is shuffled: the unit of each image [n] and the subgroup of each unit [U]."""
    of_cluster = np.zeros(clusters_in(codes), dtype=np.int64)
    of_cluster[codes] = subgroups
    if np.array_equal(of_cluster[codes], subgroups):
        present, owner = np.unique(codes, return_inverse=True)
        return owner, of_cluster[present]
    return np.arange(len(subgroups)), subgroups


def _compare(name: str, observed: float, shuffled: FloatArray) -> Permuted:
    defined = shuffled[~np.isnan(shuffled)]
    if not defined.size or np.isnan(observed):
        return Permuted(np.nan, np.nan, np.nan, np.nan, len(defined))
    # Equal ratios of counts can differ in the last bit.
    slack = 1e-12
    worse = defined >= observed - slack if name in HIGHER_IS_WORSE else defined <= observed + slack
    low, median, high = np.quantile(defined, [0.025, 0.5, 0.975])
    p_value = (1 + int(worse.sum())) / (1 + len(defined))
    return Permuted(float(median), float(low), float(high), p_value, len(defined))
