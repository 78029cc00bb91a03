"""How much a model loses from one test set to another: the gap from internal to external data.

The two sets share no images, so their resamples are drawn apart; the interval of the difference
holds the chance in both (two-sample bootstrap, Efron & Tibshirani 1993, ch. 16).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.metrics.bootstrap import (
    RESAMPLES,
    Distribution,
    Interval,
    bootstrap,
    percentile_interval,
)
from dermctl.metrics.headline import MACRO_OF, MIN_TPR, OVERALL, Headline
from dermctl.metrics.inputs import check_predictions, clusters_in, encode_clusters
from dermctl.metrics.results import plain

# Added to the seed of the second set, so that its draws are other ones.
_APART = 1_000_003


@dataclass(frozen=True)
class Predictions:
    """Scored images of one test set: labels [n], probabilities [n, C], groups [n] or None."""

    labels: npt.ArrayLike
    probabilities: npt.ArrayLike
    groups: Sequence[Any] | None = None


@dataclass(frozen=True)
class Change:
    """One metric on both sets.

    Attributes:
        first, second: its values.
        difference: second minus first, with its interval.
        classes_differ: whether the two average over different classes, as one set lacks some: the
            difference is then not between like and like.
    """

    first: float
    second: float
    difference: Interval
    classes_differ: bool

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {
            "first": plain(self.first),
            "second": plain(self.second),
            **self.difference.to_json(),
            "classes_differ": self.classes_differ,
        }


def change_between(
    first: Predictions,
    second: Predictions,
    *,
    min_tpr: float = MIN_TPR,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Change]:
    """Second minus first, for every overall metric; the classes are the same, the images are not.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    one = _resampled(first, min_tpr, resamples, seed)
    other = _resampled(second, min_tpr, resamples, seed + _APART)
    changes = {}
    for name in OVERALL:
        values = float(one.values[name]), float(other.values[name])
        samples = other.samples[name] - one.samples[name]
        interval = percentile_interval(values[1] - values[0], samples)
        changes[name] = Change(*values, interval, _classes_differ(name, one, other))
    return changes


def _resampled(given: Predictions, min_tpr: float, resamples: int, seed: int) -> Distribution:
    truth, scores = check_predictions(given.labels, given.probabilities)
    codes = encode_clusters(given.groups, len(truth))
    clusters = clusters_in(codes)
    headline = Headline(truth, scores, codes, clusters, min_tpr)
    return bootstrap(headline, clusters, resamples=resamples, seed=seed)


def _classes_differ(metric: str, one: Distribution, other: Distribution) -> bool:
    if metric not in MACRO_OF:
        return False
    per_class = MACRO_OF[metric]
    return not np.array_equal(np.isnan(one.values[per_class]), np.isnan(other.values[per_class]))
