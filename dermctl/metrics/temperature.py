"""Temperature scaling: one number, fitted on validation logits, that mends over-confidence.

Guo et al. 2017, https://arxiv.org/abs/1706.04599. The ranking of classes does not change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError
from dermctl.metrics.inputs import FloatArray, IntArray, check_labels

TEMPERATURE_RANGE = (0.01, 100.0)


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature.

    Attributes:
        value: what logits are divided by; above 1 it makes the model less sure.
        nll_before, nll_after: mean negative log-likelihood (nats) on the images it was fitted on.
        reason: why it stands at the end of `TEMPERATURE_RANGE` instead of at an optimum.
    """

    value: float
    nll_before: float
    nll_after: float
    reason: str | None = None


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> Temperature:
    """The temperature that minimises the negative log-likelihood.

    The likelihood is convex in 1/T, so its slope has one zero; it has none in the range when the
    logits are always right (T → 0) or say nothing about the labels (T → ∞).

    Args:
        logits: [n, C], finite.
        labels: [n] class indices.

    Raises:
        DataError: if they do not fit one another.
    """
    from scipy.optimize import brentq

    values, truth = _check(logits, labels)
    coldest, hottest = (float(np.log(bound)) for bound in TEMPERATURE_RANGE)
    before = negative_log_likelihood(values, truth, 1.0)

    def slope(log_temperature: float) -> float:
        return _slope(values, truth, float(np.exp(log_temperature)))

    reason = None
    if slope(coldest) <= 0:
        best, reason = coldest, "every label already has the highest logit"
    elif slope(hottest) >= 0:
        best, reason = hottest, "the logits say nothing about the labels"
    else:
        best = float(brentq(slope, coldest, hottest, xtol=1e-12))
    temperature = float(np.exp(best))
    after = negative_log_likelihood(values, truth, temperature)
    return Temperature(temperature, before, after, reason)


def apply_temperature(logits: npt.ArrayLike, temperature: float) -> FloatArray:
    """softmax(logits / temperature), [n, C]."""
    log_probabilities = _log_softmax(np.asarray(logits, dtype=np.float64) / temperature)
    return np.exp(log_probabilities)


def negative_log_likelihood(logits: FloatArray, labels: IntArray, temperature: float) -> float:
    """Mean negative log-likelihood of the labels, in nats, at a temperature."""
    log_probabilities = _log_softmax(logits / temperature)
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())


def _slope(logits: FloatArray, labels: IntArray, temperature: float) -> float:
    """d NLL / d(1/T): mean of the expected minus the label's logit. It falls as T rises."""
    expected = (apply_temperature(logits, temperature) * logits).sum(axis=1)
    return float((expected - logits[np.arange(len(labels)), labels]).mean())


def _log_softmax(logits: FloatArray) -> FloatArray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    result: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def _check(logits: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values).all():
        raise DataError(f"logits must be finite, [images, 2 or more classes], got {values.shape}")
    truth = check_labels(labels, values.shape[1])
    if len(truth) != len(values):
        raise DataError(f"{len(truth)} labels for {len(values)} rows of logits")
    return values, truth
