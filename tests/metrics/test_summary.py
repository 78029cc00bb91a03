from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, roc_auc_score

from dermctl.errors import DataError
from dermctl.metrics.headline import OVERALL
from dermctl.metrics.summary import evaluate_predictions
from dermctl.metrics.thresholds import choose_thresholds
from tests.metrics.helpers import make_predictions

NAMES = ["melanoma", "nevus", "eczema"]


def make_grouped(images: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, probabilities = make_predictions(images)
    return labels, probabilities, np.random.default_rng(9).integers(0, images // 3, images)


def test_headline_values_are_scikit_learns():
    labels, probabilities, groups = make_grouped()
    evaluation = evaluate_predictions(labels, probabilities, groups, NAMES, resamples=50)
    decided = probabilities.argmax(axis=1)
    assert evaluation.auroc == pytest.approx(
        roc_auc_score(labels, probabilities, multi_class="ovr"), abs=1e-12
    )
    assert evaluation.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, decided))
    assert np.array_equal(evaluation.confusion, confusion_matrix(labels, decided))
    assert evaluation.clusters == len(np.unique(groups))
    assert evaluation.support == tuple(np.bincount(labels))
    assert evaluation.undefined == {}


def test_json_is_plain_and_has_the_headline_on_top():
    labels, probabilities, groups = make_grouped()
    evaluation = evaluate_predictions(labels, probabilities, groups, NAMES, resamples=50)
    content = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert content["balanced_accuracy"] == evaluation.balanced_accuracy
    assert content["auroc"] == evaluation.auroc
    assert set(content["intervals"]) == set(OVERALL)
    interval = content["intervals"]["auroc"]
    assert interval["low"] < interval["value"] < interval["high"]
    assert list(content["per_class"]) == NAMES
    assert content["per_class"]["nevus"]["auroc"]["resamples"] == 50


def test_absent_class_is_named_and_left_out_of_averages():
    labels, probabilities, groups = make_grouped()
    kept = labels != 2
    labels, probabilities, groups = labels[kept], probabilities[kept], groups[kept]
    evaluation = evaluate_predictions(labels, probabilities, groups, NAMES, resamples=20)
    expected = np.mean([roc_auc_score(labels == c, probabilities[:, c]) for c in (0, 1)])
    assert evaluation.auroc == pytest.approx(expected, abs=1e-12)
    assert evaluation.undefined["auroc"] == "averaged without eczema"
    assert evaluation.undefined["sensitivity/eczema"] == "no images of this class"
    assert np.isnan(evaluation.per_class["eczema"]["auroc"].value)
    assert evaluation.per_class["eczema"]["auroc"].undefined_resamples == 20
    assert evaluation.to_json()["per_class"]["eczema"]["auroc"]["value"] is None


def test_single_class_has_no_auroc_and_no_exception():
    probabilities = np.array([[0.7, 0.3], [0.6, 0.4]])
    evaluation = evaluate_predictions([0, 0], probabilities, None, ["a", "b"], resamples=5)
    assert np.isnan(evaluation.auroc)
    assert evaluation.undefined["auroc"] == "undefined for every class"
    assert evaluation.to_json()["auroc"] is None
    assert evaluation.balanced_accuracy == 1.0


def test_single_group_has_values_without_bounds():
    labels, probabilities, _ = make_grouped()
    evaluation = evaluate_predictions(labels, probabilities, ["p1"] * 300, NAMES, resamples=10)
    interval = evaluation.intervals["accuracy"]
    assert interval.value > 0.5
    assert np.isnan(interval.low)
    assert interval.undefined_resamples == 10
    assert evaluation.undefined == {"intervals": "a single group cannot be resampled"}


def test_same_seed_same_intervals():
    labels, probabilities, groups = make_grouped()
    runs = [
        evaluate_predictions(labels, probabilities, groups, NAMES, resamples=40, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert runs[0].intervals == runs[1].intervals
    assert runs[0].intervals != runs[2].intervals


@pytest.mark.parametrize(
    ("labels", "probabilities", "names", "message"),
    [
        ([0, 3], [[0.5, 0.5], [0.5, 0.5]], ["a", "b"], "label 3 is outside 0..1"),
        ([0, 1], [[0.5, 0.5], [2.0, -3.0]], ["a", "b"], r"sum to 1 \[row 1\]"),
        ([0, 1], [[0.5, 0.5], [np.nan, 1.0]], ["a", "b"], r"finite.*\[row 1\]"),
        ([0], [[0.5, 0.5], [0.5, 0.5]], ["a", "b"], "1 labels for 2 rows"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.5]], ["a", "a"], "1 distinct class names for 2"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(labels, probabilities, names, message):
    with pytest.raises(DataError, match=message):
        evaluate_predictions(labels, probabilities, None, names, resamples=2)


def test_missing_group_is_refused():
    with pytest.raises(DataError, match=r"no group \[row 1\]"):
        evaluate_predictions([0, 1], np.eye(2), ["p1", None], ["a", "b"], resamples=2)


def test_thresholds_from_validation_give_operating_points():
    thresholds = choose_thresholds(*make_predictions(seed=1), NAMES, specificity=0.9)
    labels, probabilities, groups = make_grouped()
    evaluation = evaluate_predictions(
        labels, probabilities, groups, NAMES, resamples=50,
        thresholds={name: [threshold] for name, threshold in thresholds.items()},
    )  # fmt: skip
    [point] = evaluation.operating_points["nevus"]
    called = probabilities[:, 1] >= thresholds["nevus"].value
    assert point.sensitivity.value == pytest.approx(called[labels == 1].mean())
    assert point.specificity.value == pytest.approx((~called[labels != 1]).mean())
    [content] = evaluation.to_json()["operating_points"]["nevus"]
    assert content["chosen_for"] == {"specificity": 0.9}


def test_threshold_for_an_unknown_class_is_refused():
    labels, probabilities, groups = make_grouped()
    thresholds = choose_thresholds(labels, probabilities, NAMES, specificity=0.9)
    with pytest.raises(DataError, match="unknown class: nevus"):
        evaluate_predictions(
            labels, probabilities, groups, ["a", "b", "c"],
            thresholds={"nevus": [thresholds["nevus"]]}, resamples=2,
        )  # fmt: skip
