from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from dermctl.metrics.calibration import calibration_intervals
from dermctl.metrics.shift import Predictions, change_between
from dermctl.metrics.summary import evaluate_predictions
from tests.metrics.helpers import make_predictions

NAMES = ["a", "b", "c"]


def test_a_change_is_the_difference_of_the_two_evaluations():
    one, other = make_predictions(200), make_predictions(90, seed=5)
    changes = change_between(Predictions(*one), Predictions(*other), resamples=200)
    values = [evaluate_predictions(*each, None, NAMES, resamples=0) for each in (one, other)]
    for name, change in changes.items():
        first, second = (each.intervals[name].value for each in values)
        assert (change.first, change.second) == (first, second)
        assert change.difference.value == pytest.approx(second - first)
        assert not change.classes_differ
    spread = [each.intervals["accuracy"] for each in values]
    assert spread[0].value != spread[1].value
    assert changes["accuracy"].difference.low < changes["accuracy"].difference.high


def test_the_interval_holds_the_chance_of_both_sets():
    """Two independent means: the variances add."""
    rng = np.random.default_rng(0)
    right = [rng.random(n) < p for n, p in ((400, 0.8), (150, 0.6))]
    sets = []
    for each in right:
        probabilities = np.where(each[:, None], [0.9, 0.1], [0.1, 0.9])
        sets.append(Predictions(np.zeros(len(each), np.int64), probabilities))
    found = change_between(*sets, resamples=2000)["accuracy"].difference
    error = np.sqrt(sum(each.var() / len(each) for each in right))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_the_same_set_twice_is_resampled_apart():
    each = Predictions(*make_predictions(60))
    change = change_between(each, each, resamples=50)["accuracy"]
    assert change.difference.value == 0
    assert change.difference.low < 0 < change.difference.high


def test_a_class_that_one_set_lacks_is_said():
    labels, probabilities = make_predictions(80)
    lacking = Predictions(np.minimum(labels, 1), probabilities)
    changes = change_between(Predictions(labels, probabilities), lacking, resamples=5)
    assert changes["auroc"].classes_differ
    assert not changes["accuracy"].classes_differ


def test_calibration_intervals_are_those_of_the_evaluation():
    labels, probabilities = make_predictions(120)
    found = calibration_intervals(labels, probabilities, resamples=30)
    whole = evaluate_predictions(labels, probabilities, None, NAMES, resamples=30).intervals
    assert found == {name: whole[name] for name in ("ece", "brier")}
    truth = np.eye(3)[labels]
    expected = 3 * sk.mean_squared_error(truth, probabilities)
    assert found["brier"].value == pytest.approx(expected)
