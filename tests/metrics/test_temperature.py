from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from dermctl.errors import DataError
from dermctl.metrics import scores
from dermctl.metrics.temperature import (
    TEMPERATURE_RANGE,
    apply_temperature,
    fit_temperature,
    negative_log_likelihood,
)


def make_logits(images: int = 4000, *, sharpened: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from softmax(true logits), and those logits made too sure."""
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(images, 4)) * 1.5
    draws = rng.random((images, 1))
    labels = (draws > softmax(honest, axis=1).cumsum(axis=1)).sum(axis=1)
    return honest * sharpened, labels


def test_optimum_is_that_of_a_fine_grid():
    logits, labels = make_logits(500)
    fitted = fit_temperature(logits, labels)
    grid = np.exp(np.linspace(np.log(0.1), np.log(20), 4001))
    losses = [negative_log_likelihood(logits, labels, t) for t in grid]
    assert fitted.value == pytest.approx(grid[np.argmin(losses)], rel=2e-3)
    assert fitted.nll_after <= min(losses) + 1e-12
    assert fitted.nll_before == pytest.approx(negative_log_likelihood(logits, labels, 1.0))
    assert fitted.reason is None


def test_known_overconfidence_is_undone():
    logits, labels = make_logits(sharpened=3.0)
    fitted = fit_temperature(logits, labels)
    assert fitted.value == pytest.approx(3.0, rel=0.05)
    before, after = softmax(logits, axis=1), apply_temperature(logits, fitted.value)
    assert scores.ece(labels, after).value < scores.ece(labels, before).value / 4
    assert np.array_equal(before.argmax(axis=1), after.argmax(axis=1))


def test_scaled_probabilities_are_a_softmax():
    logits, _ = make_logits(20)
    np.testing.assert_allclose(apply_temperature(logits, 2.0), softmax(logits / 2, axis=1))


def test_always_right_logits_end_at_the_cold_bound():
    fitted = fit_temperature([[9.0, 0.0], [0.0, 9.0]], [0, 1])
    assert fitted.value == pytest.approx(TEMPERATURE_RANGE[0])
    assert fitted.reason == "every label already has the highest logit"


def test_useless_logits_end_at_the_hot_bound():
    fitted = fit_temperature([[9.0, 0.0], [0.0, 9.0]], [1, 0])
    assert fitted.value == pytest.approx(TEMPERATURE_RANGE[1])
    assert fitted.reason == "the logits say nothing about the labels"


@pytest.mark.parametrize("logits", [[[1.0, np.inf]], [[1.0]], [[1.0, 2.0], [1.0, 2.0]]])
def test_logits_that_do_not_fit_are_refused(logits):
    with pytest.raises(DataError, match="logits"):
        fit_temperature(logits, [0])
