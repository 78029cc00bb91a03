from __future__ import annotations

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics as sk

from dermctl.metrics import curves, scores
from tests.metrics.helpers import make_predictions


@pytest.mark.parametrize("levels", [None, 3], ids=["distinct", "tied"])
def test_roc_is_scikit_learns(levels):
    labels, probabilities = make_predictions(levels=levels)
    curve = curves.roc_curve(labels == 0, probabilities[:, 0])
    fpr, tpr, thresholds = sk.roc_curve(labels == 0, probabilities[:, 0], drop_intermediate=False)
    np.testing.assert_allclose(curve.fpr, fpr)
    np.testing.assert_allclose(curve.tpr, tpr)
    np.testing.assert_allclose(curve.thresholds, thresholds)
    area = scores.binary_auroc(labels == 0, probabilities[:, 0]).value
    assert np.trapezoid(curve.tpr, curve.fpr) == pytest.approx(area)


@pytest.mark.parametrize("levels", [None, 3], ids=["distinct", "tied"])
def test_precision_recall_is_scikit_learns(levels):
    labels, probabilities = make_predictions(levels=levels)
    curve = curves.precision_recall_curve(labels == 0, probabilities[:, 0])
    precision, recall, thresholds = sk.precision_recall_curve(labels == 0, probabilities[:, 0])
    # Theirs ascends, and ends in a point (1, 0) without a threshold.
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.recall, recall[-2::-1])
    np.testing.assert_allclose(curve.thresholds, thresholds[::-1])


def test_calibration_is_scikit_learns():
    labels, probabilities = make_predictions(600)
    curve = curves.calibration_curve(labels, probabilities, bins=10)
    right = probabilities.argmax(axis=1) == labels
    accuracy, confidence = sklearn.calibration.calibration_curve(
        right, probabilities.max(axis=1), n_bins=10
    )
    filled = curve.images > 0
    np.testing.assert_allclose(curve.accuracy[filled], accuracy)
    np.testing.assert_allclose(curve.confidence[filled], confidence)
    assert np.isnan(curve.accuracy[~filled]).all()
    assert (~filled).any()
    gaps = np.abs(curve.accuracy - curve.confidence)[filled]
    share = curve.images[filled] / 600
    assert scores.ece(labels, probabilities, 10).value == pytest.approx((gaps * share).sum())


def test_net_benefit_is_that_of_its_definition():
    labels, probabilities = make_predictions()
    truth, values = labels == 0, probabilities[:, 0]
    curve = curves.decision_curve(truth, values)
    for threshold, model, treat_all in zip(
        curve.thresholds, curve.model, curve.treat_all, strict=True
    ):
        odds = threshold / (1 - threshold)
        called = values >= threshold
        expected = (called & truth).mean() - (called & ~truth).mean() * odds
        assert model == pytest.approx(expected, abs=1e-12)
        assert treat_all == pytest.approx(truth.mean() - (~truth).mean() * odds, abs=1e-12)


def test_treating_at_threshold_zero_is_treating_all():
    curve = curves.decision_curve([0, 1, 1], [0.2, 0.1, 0.9], [0.0])
    assert curve.model == curve.treat_all == pytest.approx(2 / 3)


def test_curves_without_positives_say_so():
    roc = curves.roc_curve([0, 0], [0.1, 0.2])
    assert roc.reason == "no positives, or no negatives"
    assert np.isnan(roc.tpr).all()
    recall = curves.precision_recall_curve([0, 0], [0.1, 0.2])
    assert recall.reason == "no positives"
    assert np.isnan(recall.recall).all()
