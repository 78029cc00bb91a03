from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from dermctl.metrics import scores
from dermctl.metrics.calibration import bin_of
from tests.metrics.helpers import make_predictions


def test_calibration_error_by_hand():
    # Confidences .9, .9 (one wrong) and .6 (right): (2/3)·|.9 - .5| + (1/3)·|.6 - 1|.
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]]
    assert scores.ece([0, 1, 1], probabilities, 10).value == pytest.approx(0.4)


def test_brier_is_scikit_learns():
    labels, probabilities = make_predictions(300, 4)
    expected = sk.brier_score_loss(labels, probabilities, scale_by_half=False)
    assert scores.brier(labels, probabilities).value == pytest.approx(expected, abs=1e-12)


def test_brier_ends_of_the_range():
    assert scores.brier([0, 1], np.eye(2)).value == 0.0
    assert scores.brier([1, 0], np.eye(2)).value == 2.0


def test_bins_are_closed_above_and_hold_zero():
    edges = np.array([0.0, 0.1, 0.25, 0.250001, 0.5, 1.0])
    assert bin_of(edges, 4).tolist() == [0, 0, 0, 1, 1, 3]
