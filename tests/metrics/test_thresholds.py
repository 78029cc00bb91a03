from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.errors import UsageFault
from dermctl.metrics.thresholds import apply_threshold, choose_threshold
from tests.metrics.helpers import make_predictions

LEVELS = st.integers(0, 6).map(lambda level: level / 6)


def rates(truth: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[float, float]:
    called = scores >= threshold
    return called[truth].mean(), (~called[~truth]).mean()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), LEVELS), min_size=2, max_size=20),
    st.sampled_from(["specificity", "sensitivity"]),
    st.sampled_from([0.0, 0.5, 0.8, 0.9, 1.0]),
)
def test_choice_is_the_best_of_all_thresholds_that_reach_the_target(images, aim, target):
    truth = np.array([positive for positive, _ in images] + [True, False])
    scores = np.array([score for _, score in images] + [0.5, 0.5])
    chosen = choose_threshold(truth, scores, **{aim: target})
    tried = [rates(truth, scores, t) for t in [*np.unique(scores), 2.0]]
    kept, other = (1, 0) if aim == "specificity" else (0, 1)
    best = max(pair[other] for pair in tried if pair[kept] >= target)
    reached = (chosen.sensitivity, chosen.specificity)
    assert reached == rates(truth, scores, chosen.value)
    assert reached[kept] >= target
    assert reached[other] == best
    assert np.isfinite(chosen.value)


def test_threshold_is_applied_to_other_images_as_it_stands():
    labels, probabilities = make_predictions(300)
    threshold = choose_threshold(labels == 0, probabilities[:, 0], sensitivity=0.9)
    labels, probabilities = make_predictions(200, seed=1)
    point = apply_threshold(labels == 0, probabilities[:, 0], threshold, resamples=100)
    sensitivity, specificity = rates(labels == 0, probabilities[:, 0], threshold.value)
    assert point.sensitivity.value == pytest.approx(sensitivity)
    assert point.specificity.value == pytest.approx(specificity)
    called = probabilities[:, 0] >= threshold.value
    assert point.predictive_value.value == pytest.approx((labels == 0)[called].mean())
    assert point.sensitivity.low < sensitivity < point.sensitivity.high


def test_no_negatives_leave_specificity_without_a_threshold():
    threshold = choose_threshold([1, 1], [0.1, 0.9], specificity=0.9)
    assert np.isnan(threshold.value)
    assert threshold.reason == "no negatives to choose it on"
    point = apply_threshold([0, 1], [0.1, 0.9], threshold, resamples=5)
    assert np.isnan(point.sensitivity.value)
    assert point.sensitivity.undefined_resamples == 5
    assert point.to_json()["threshold"] is None


def test_no_positives_leave_sensitivity_without_a_threshold():
    assert choose_threshold([0, 0], [0.1, 0.9], sensitivity=0.9).reason is not None


@pytest.mark.parametrize(
    "targets", [{}, {"specificity": 0.9, "sensitivity": 0.9}, {"specificity": 90}]
)
def test_one_target_within_the_range_is_needed(targets):
    with pytest.raises(UsageFault, match="one target"):
        choose_threshold([0, 1], [0.1, 0.9], **targets)
