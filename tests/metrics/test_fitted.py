from __future__ import annotations

import json

import numpy as np
import pytest

from dermctl.errors import DataError
from dermctl.metrics.fitted import AIMS, Fitted, fit
from dermctl.metrics.temperature import apply_temperature, fit_temperature
from dermctl.metrics.thresholds import choose_threshold
from tests.metrics.helpers import make_predictions

NAMES = ["a", "b", "c"]


def fitted_on(labels, probabilities) -> Fitted:
    logits = 3 * np.log(probabilities)
    return fit(logits, labels, NAMES, where="clinic/val", manifest_sha256="0f")


def test_it_is_the_temperature_and_the_thresholds_of_these_images():
    labels, probabilities = make_predictions(200)
    found = fitted_on(labels, probabilities)
    assert found.temperature == fit_temperature(3 * np.log(probabilities), labels)
    sure = apply_temperature(3 * np.log(probabilities), 1.0)
    for index, name in enumerate(NAMES):
        expected = tuple(
            choose_threshold(labels == index, sure[:, index], **{aim: target})
            for aim, target in AIMS
        )
        assert found.thresholds[name] == expected
    assert found.images == 200


def test_it_survives_a_checkpoint_as_plain_json():
    labels, probabilities = make_predictions(60)
    found = fitted_on(labels, probabilities)
    again = Fitted.from_plain(json.loads(json.dumps(found.to_plain(), allow_nan=False)))
    assert again == found


def test_a_class_without_images_has_no_threshold_for_its_sensitivity_and_says_why():
    labels, probabilities = make_predictions(80)
    plain = fitted_on(np.minimum(labels, 1), probabilities).to_plain()
    again = Fitted.from_plain(json.loads(json.dumps(plain, allow_nan=False)))
    specificity, sensitivity = again.thresholds["c"]
    assert np.isfinite(specificity.value)
    assert np.isnan(sensitivity.value)
    assert sensitivity.reason == "no positives to choose it on"


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="finite"):
        fit([[0.0, np.nan]], [0], ["a", "b"], where="x", manifest_sha256="")
