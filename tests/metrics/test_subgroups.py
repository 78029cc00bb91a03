from __future__ import annotations

import json

import numpy as np
import pytest
import sklearn.metrics as sk

from dermctl.errors import DataError
from dermctl.metrics.subgroups import audit_subgroups, subgroup_names
from dermctl.metrics.summary import evaluate_predictions
from tests.metrics.helpers import make_predictions

NAMES = ["melanoma", "nevus", "eczema"]
FEW = {"resamples": 60, "permutations": 99, "column": "skin_type"}


def make_audit_inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """600 images, 3 a patient; skin types 1, 2 and 5 (few images), and unknown."""
    labels, probabilities = make_predictions(600)
    patients = np.arange(600) // 3
    draws = np.random.default_rng(2).choice([1.0, 2.0, 5.0, -1.0], 200, p=[0.5, 0.4, 0.03, 0.07])
    return labels, probabilities, draws[patients], patients


def test_each_subgroup_has_its_own_metrics_and_gap():
    labels, probabilities, types, patients = make_audit_inputs()
    audit = audit_subgroups(labels, probabilities, types, patients, NAMES, **FEW)
    assert [each.name for each in audit.subgroups] == ["1", "2", "5"]
    accuracy = {}
    for each in audit.subgroups:
        rows = types == float(each.name)
        decided = probabilities[rows].argmax(axis=1)
        accuracy[each.name] = each.intervals["balanced_accuracy"].value
        assert accuracy[each.name] == pytest.approx(
            sk.balanced_accuracy_score(labels[rows], decided)
        )
        assert each.images == rows.sum()
        assert each.clusters == rows.sum() / 3
    best = max("12", key=accuracy.__getitem__)
    for each in audit.subgroups[:2]:
        gap = each.gaps["balanced_accuracy"]
        assert gap.best == best
        assert gap.interval.value == pytest.approx(accuracy[best] - accuracy[each.name])
        assert gap.interval.low <= gap.interval.value <= gap.interval.high


def test_few_images_are_shown_but_not_ranked():
    audit = audit_subgroups(*make_audit_inputs(), NAMES, **FEW)
    small = audit.subgroups[2]
    assert small.images < audit.min_images
    assert not small.ranked
    assert small.gaps == {}
    assert not np.isnan(small.intervals["accuracy"].value)


def test_unknown_stands_apart():
    labels, probabilities, types, patients = make_audit_inputs()
    audit = audit_subgroups(labels, probabilities, types, patients, NAMES, **FEW)
    assert audit.unknown is not None
    assert audit.unknown.images == (types == -1).sum() > audit.min_images
    assert not audit.unknown.ranked
    assert audit.unknown.gaps == {}
    # It has no say in the comparison: without it, the disparities are the same.
    known = types != -1
    without = audit_subgroups(
        labels[known], probabilities[known], types[known], patients[known], NAMES, **FEW
    )
    assert without.unknown is None
    assert {name: each.value for name, each in without.disparities.items()} == pytest.approx(
        {name: each.value for name, each in audit.disparities.items()}
    )


def test_lower_is_better_for_errors():
    labels, probabilities, types, patients = make_audit_inputs()
    audit = audit_subgroups(labels, probabilities, types, patients, NAMES, **FEW)
    brier = {each.name: each.intervals["brier"].value for each in audit.subgroups[:2]}
    best = min(brier, key=brier.__getitem__)
    for each in audit.subgroups[:2]:
        assert each.gaps["brier"].best == best
        assert each.gaps["brier"].interval.value == pytest.approx(brier[each.name] - brier[best])


def test_gap_between_averages_over_different_classes_says_so():
    labels, probabilities, types, patients = make_audit_inputs()
    kept = ~((types == 1) & (labels == 2))
    audit = audit_subgroups(
        labels[kept], probabilities[kept], types[kept], patients[kept], NAMES, **FEW
    )
    behind = next(each for each in audit.subgroups[:2] if each.gaps["auroc"].best != each.name)
    assert behind.gaps["auroc"].classes_differ == ("eczema",)
    assert behind.gaps["accuracy"].classes_differ == ()
    assert audit.subgroups[0].undefined["auroc"] == "averaged without eczema"
    assert audit.disparities["eom"].left_out == ("eczema",)


def test_one_subgroup_alone_is_the_plain_evaluation():
    labels, probabilities, _, patients = make_audit_inputs()
    audit = audit_subgroups(labels, probabilities, ["f"] * 600, patients, NAMES, **FEW)
    whole = evaluate_predictions(labels, probabilities, patients, NAMES, resamples=60)
    assert audit.subgroups[0].intervals == whole.intervals
    assert audit.subgroups[0].per_class == whole.per_class
    assert audit.disparities == {}


def test_images_of_one_patient_have_no_spread():
    labels, probabilities, types, patients = make_audit_inputs()
    types = np.where(patients == 7, 6.0, types)
    audit = audit_subgroups(labels, probabilities, types, patients, NAMES, **FEW)
    single = audit.subgroups[-1]
    assert (single.name, single.images, single.clusters) == ("6", 3, 1)
    assert np.isnan(single.intervals["accuracy"].low)
    assert not np.isnan(single.intervals["accuracy"].value)


def test_json_is_plain():
    audit = audit_subgroups(*make_audit_inputs(), NAMES, **FEW)
    content = json.loads(json.dumps(audit.to_json(), allow_nan=False))
    assert content["unknown"]["name"] == "unknown"
    assert set(content["disparities"]) == {"pqd", "dpm", "eom", "equalised_odds_difference"}
    assert content["disparities"]["pqd"]["permuted"]["permutations"] == 99


def test_what_counts_as_unknown_and_how_values_read():
    values = [1.0, 2, "III", None, float("nan"), "", "Unknown", -1, True, 30.5]
    assert subgroup_names(values).tolist() == [
        "1", "2", "III", "unknown", "unknown", "unknown", "unknown", "unknown", "True", "30.5",
    ]  # fmt: skip


def test_column_of_another_length_is_refused():
    labels, probabilities, types, patients = make_audit_inputs()
    with pytest.raises(DataError, match="599 values of skin_type for 600 images"):
        audit_subgroups(labels, probabilities, types[1:], patients, NAMES, **FEW)
