from __future__ import annotations

import json

import numpy as np
import pytest

from dermctl.metrics.abstention import COVERAGES, risk_coverage
from tests.metrics.helpers import make_predictions


def slow_curve(labels, probabilities):
    """Image by image: decide all that are at least as confident."""
    confidence, decided = probabilities.max(1), probabilities.argmax(1)
    points = []
    for least in sorted(set(confidence), reverse=True):
        kept = [i for i in range(len(labels)) if confidence[i] >= least]
        errors = sum(decided[i] != labels[i] for i in kept)
        points.append((len(kept) / len(labels), errors / len(kept)))
    own = [errors for least in confidence for errors in [risk_of(labels, probabilities, least)]]
    return points, float(np.mean(own))


def risk_of(labels, probabilities, least):
    kept = probabilities.max(1) >= least
    return float((probabilities.argmax(1) != labels)[kept].mean())


@pytest.mark.parametrize("levels", [None, 3], ids=["distinct", "tied"])
def test_curve_and_area_are_those_of_the_definition(levels):
    labels, probabilities = make_predictions(150, levels=levels)
    found = risk_coverage(labels, probabilities, resamples=20)
    points, area = slow_curve(labels, probabilities)
    np.testing.assert_allclose(np.stack([found.coverage, found.risk], 1), points)
    assert found.area.value == pytest.approx(area)
    assert found.area.low < area < found.area.high


def test_points_decide_at_least_what_was_asked_for_and_no_more_than_needed():
    labels, probabilities = make_predictions(120, levels=3)
    confidence = probabilities.max(1)
    for share, point in zip(COVERAGES, risk_coverage(labels, probabilities, resamples=5).points,
                            strict=True):  # fmt: skip
        kept = confidence >= point.confidence
        assert kept.mean() >= share
        assert (confidence > point.confidence).mean() < share
        assert point.coverage.value == pytest.approx(kept.mean())
        right = (probabilities.argmax(1) == labels)[kept].mean()
        assert point.accuracy.value == pytest.approx(right)


def test_resamples_are_of_groups():
    """Each group twice over gives the very same intervals as each group once."""
    labels, probabilities = make_predictions(40)
    once = risk_coverage(labels, probabilities, range(40), resamples=50)
    doubled = [np.repeat(each, 2, axis=0) for each in (labels, probabilities, np.arange(40))]
    twice = risk_coverage(*doubled, resamples=50)
    assert twice.area.low == pytest.approx(once.area.low)
    assert twice.area.high == pytest.approx(once.area.high)


def test_a_single_image_has_no_interval_and_is_plain_json():
    found = risk_coverage([0], [[0.7, 0.3]], resamples=5)
    assert found.area.value == 0
    content = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert content["area"]["low"] is None
    assert content["curve"] == {"coverage": [1.0], "risk": [0.0]}
