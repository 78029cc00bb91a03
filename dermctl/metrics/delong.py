"""Tests of the difference between two AUROCs on the same images.

DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44:837) for independent images, and the clustered
form of Obuchowski 1997 (Biometrics 53:567) where a patient has several. The second is the first
when every image is a cluster of its own, so there is one implementation. Placement values come
from midranks (Sun & Xu 2014), in O(n log n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError
from dermctl.metrics.bootstrap import CONFIDENCE
from dermctl.metrics.inputs import (
    BoolArray,
    FloatArray,
    IntArray,
    check_binary,
    check_predictions,
    clusters_in,
    encode_clusters,
)
from dermctl.metrics.results import plain_fields


@dataclass(frozen=True)
class AurocTest:
    """Two AUROCs on the same images and the test that they are equal.

    Attributes:
        first, second: the AUROCs.
        first_error, second_error: their standard errors.
        difference: first - second.
        error: its standard error.
        low, high: its 95 % normal interval.
        z, p_value: two-sided test; p is 1 if the two rank every pair alike.
        adjusted_p_value: after Holm's correction, where several tests were made.
        clusters: how many there are.
        reason: why values are NaN.
    """

    first: float
    second: float
    first_error: float
    second_error: float
    difference: float
    error: float
    low: float
    high: float
    z: float
    p_value: float
    clusters: int
    adjusted_p_value: float = np.nan
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; None for NaN."""
        return plain_fields(self)


def delong_test(
    positive: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    groups: Sequence[Any] | npt.ArrayLike | None = None,
) -> AurocTest:
    """Test whether two scores have the same AUROC on the same images.

    Args:
        positive: [n] truth, 0/1.
        first, second: [n] scores.
        groups: [n] cluster of each image (Obuchowski); None: independent images (DeLong).

    Returns:
        The test; NaN with a reason if there are not two clusters with positives and two with
        negatives.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, ours = check_binary(positive, first)
    _, theirs = check_binary(positive, second)
    codes = encode_clusters(groups, len(truth))
    aurocs, covariance, reason = auroc_covariance(truth, np.stack([ours, theirs]), codes)
    return _test(aurocs, covariance, clusters_in(codes), reason)


def delong_per_class(
    labels: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    class_names: Sequence[str],
    groups: Sequence[Any] | npt.ArrayLike | None = None,
) -> dict[str, AurocTest]:
    """`delong_test` of every class against the rest, with Holm's correction over the classes.

    Args:
        labels: [n] class indices.
        first, second: [n, C] probabilities.
        class_names: [C].
        groups: [n] cluster of each image; None: independent images.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    truth, ours = check_predictions(labels, first)
    _, theirs = check_predictions(labels, second)
    if ours.shape != theirs.shape or len(class_names) != ours.shape[1]:
        raise DataError("predictions and class names do not fit one another")
    tests = [
        delong_test(truth == c, ours[:, c], theirs[:, c], groups) for c in range(len(class_names))
    ]
    adjusted = holm([test.p_value for test in tests])
    return {
        name: replace(test, adjusted_p_value=float(p))
        for name, test, p in zip(class_names, tests, adjusted, strict=True)
    }


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Holm's step-down correction (1979): adjusted p-values [m], in the order given.

    The k-th smallest is multiplied by m - k + 1, made no smaller than those before it, capped at
    1. NaN stays NaN and does not count among the m tests.
    """
    values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def auroc_covariance(
    truth: BoolArray, scores: FloatArray, codes: IntArray
) -> tuple[FloatArray, FloatArray, str | None]:
    """AUROCs [S] of several scores [S, n] and their covariance [S, S] by clusters [n].

    With m positives and n negatives, X_i and Y_i the sums over cluster i of the placements of its
    positives and negatives less the AUROC, and I10, I01, I the clusters with positives, with
    negatives, and all (Obuchowski 1997, equations 3 to 6):
    S10 = I10/((I10-1) m) Σ X_i X_i', S01 = I01/((I01-1) n) Σ Y_i Y_i', S11 = I/(I-1) Σ X_i Y_i',
    and the covariance is S10/m + S01/n + (S11 + S11')/(m n).
    """
    clusters = clusters_in(codes)
    of_positives, of_negatives = codes[truth], codes[~truth]
    with_positives, with_negatives = len(np.unique(of_positives)), len(np.unique(of_negatives))
    empty = np.full((len(scores), len(scores)), np.nan)
    if not with_positives or not with_negatives:
        return np.full(len(scores), np.nan), empty, "no positives, or no negatives"
    m, n = len(of_positives), len(of_negatives)
    placed = [placements(row[truth], row[~truth]) for row in scores]
    aurocs = np.array([below.mean() for below, _ in placed])
    if min(with_positives, with_negatives) < 2:
        return aurocs, empty, "fewer than two clusters with positives, or with negatives"
    x = np.stack([_sums(below - below.mean(), of_positives, clusters) for below, _ in placed])
    y = np.stack([_sums(above - above.mean(), of_negatives, clusters) for _, above in placed])
    s10 = with_positives / (with_positives - 1) / m * (x @ x.T)
    s01 = with_negatives / (with_negatives - 1) / n * (y @ y.T)
    s11 = clusters / (clusters - 1) * (x @ y.T)
    return aurocs, s10 / m + s01 / n + (s11 + s11.T) / (m * n), None


def placements(positives: FloatArray, negatives: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share of the negatives below each positive [m], and of positives above each negative [n].

    Ties count half. The mean of either is the AUROC.
    """
    from scipy.stats import rankdata

    m, n = len(positives), len(negatives)
    ranks = rankdata(np.concatenate([positives, negatives]))
    below = (ranks[:m] - rankdata(positives)) / n
    above = 1 - (ranks[m:] - rankdata(negatives)) / m
    return below, above


def _sums(values: FloatArray, codes: IntArray, clusters: int) -> FloatArray:
    return np.asarray(np.bincount(codes, values, minlength=clusters), dtype=np.float64)


def _test(
    aurocs: FloatArray, covariance: FloatArray, clusters: int, reason: str | None
) -> AurocTest:
    from scipy.stats import norm

    difference = float(aurocs[0] - aurocs[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    # Rounding can leave a tiny variance, of either sign, where the two rank alike.
    same = abs(variance) < 1e-18
    error = 0.0 if same else float(np.sqrt(variance))
    if same and difference == 0:
        z, p_value = 0.0, 1.0
    elif same:
        z, p_value, reason = np.nan, np.nan, "the difference does not vary between clusters"
    else:
        z = difference / error
        p_value = float(2 * norm.sf(abs(z)))
    reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * error
    errors = np.sqrt(np.diag(covariance).clip(min=0))
    return AurocTest(
        first=float(aurocs[0]),
        second=float(aurocs[1]),
        first_error=float(errors[0]),
        second_error=float(errors[1]),
        difference=difference,
        error=error,
        low=difference - reach,
        high=difference + reach,
        z=z,
        p_value=p_value,
        clusters=clusters,
        reason=reason,
    )
