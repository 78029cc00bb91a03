"""What a model gains by leaving doubtful images undecided: the risk-coverage curve.

Images are decided from the most confident down (confidence: the highest probability). Coverage is
the share that is decided, risk the share of errors among it (El-Yaniv & Wiener 2010; Geifman &
El-Yaniv 2017, https://arxiv.org/abs/1705.08500). Equally confident images are decided together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.metrics.bootstrap import RESAMPLES, Interval, bootstrap
from dermctl.metrics.inputs import FloatArray, check_predictions, clusters_in, encode_clusters
from dermctl.metrics.results import plain, ratio
from dermctl.metrics.tallies import Tally

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
"""Least shares of the images that are decided, for which figures are given."""
_CURVE_POINTS = 100


@dataclass(frozen=True)
class AbstentionPoint:
    """What deciding the most confident images gives.

    Attributes:
        least_coverage: the share that was asked for.
        confidence: the least confidence that is decided. It is read off these images, as the curve
            is; it is no threshold to be used elsewhere.
        coverage, accuracy: at that confidence, with intervals.
    """

    least_coverage: float
    confidence: float
    coverage: Interval
    accuracy: Interval

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return {
            "least_coverage": self.least_coverage,
            "confidence": self.confidence,
            "coverage": self.coverage.to_json(),
            "accuracy": self.accuracy.to_json(),
        }


@dataclass(frozen=True)
class Abstention:
    """The risk-coverage curve.

    Attributes:
        area: under the curve (AURC): the mean risk over all coverages; lower is better.
        points: one for each of `COVERAGES`.
        coverage, risk: [P] the curve itself, ascending.
    """

    area: Interval
    points: tuple[AbstentionPoint, ...]
    coverage: FloatArray
    risk: FloatArray

    def to_json(self) -> dict[str, Any]:
        """Plain values; the curve at `_CURVE_POINTS` places at most."""
        last = len(self.coverage) - 1
        shown = np.unique(np.linspace(0, last, min(_CURVE_POINTS, last + 1)).round().astype(int))
        return {
            "area": self.area.to_json(),
            "points": [point.to_json() for point in self.points],
            "curve": {
                "coverage": [plain(value) for value in self.coverage[shown]],
                "risk": [plain(value) for value in self.risk[shown]],
            },
        }


def risk_coverage(
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    groups: Sequence[Any] | npt.ArrayLike | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Abstention:
    """The curve, its area and its points, with intervals that resample groups.

    Args:
        labels: [n] class indices.
        probabilities: [n, C].
        groups: [n] what must be resampled together; None: single images.
        resamples: bootstrap resamples.
        seed: of the resampling.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, scores = check_predictions(labels, probabilities)
    codes = encode_clusters(groups, len(truth))
    confidence = scores.max(axis=1)
    wrong = (scores.argmax(axis=1) != truth).astype(np.float64)
    # Rank 0 is the highest confidence; equal ones share a rank.
    distinct, ascending = np.unique(confidence, return_inverse=True)
    rank = len(distinct) - 1 - ascending
    shape = (len(distinct), clusters_in(codes))
    images, errors = Tally(rank, codes, shape), Tally(rank, codes, shape, wrong)
    decided = np.cumsum(np.bincount(rank)) / len(truth)
    places = [int(np.searchsorted(decided, share - 1e-12)) for share in COVERAGES]

    def statistics(weights: FloatArray) -> dict[str, FloatArray]:
        own = images(weights)
        covered, failed = own.cumsum(axis=0), errors(weights).cumsum(axis=0)
        risk = ratio(failed, covered)
        return {
            "area": ratio((own * np.nan_to_num(risk)).sum(axis=0), covered[-1]),
            "coverage": ratio(covered[places], covered[-1]),
            "accuracy": 1 - risk[places],
        }

    spread = bootstrap(statistics, shape[1], resamples=resamples, seed=seed)
    return Abstention(
        area=spread.interval("area"),
        points=tuple(
            AbstentionPoint(share, float(distinct[::-1][place]), coverage, accuracy)
            for share, place, coverage, accuracy in zip(
                COVERAGES,
                places,
                spread.intervals("coverage"),
                spread.intervals("accuracy"),
                strict=True,
            )
        ),
        coverage=decided,
        risk=np.cumsum(np.bincount(rank, wrong)) / np.cumsum(np.bincount(rank)),
    )
