from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from dermctl.metrics import bootstrap as module
from dermctl.metrics.bootstrap import bootstrap, cluster_weights, percentile_interval
from dermctl.metrics.headline import OVERALL, Headline
from dermctl.metrics.inputs import encode_clusters
from dermctl.metrics.paired import paired_difference
from dermctl.metrics.summary import evaluate_predictions
from tests.metrics.helpers import make_predictions

RESAMPLES = 40


def materialise(clusters: np.ndarray, resample: int, seed: int) -> np.ndarray:
    """The images of one resample, drawn cluster by cluster: rows with repetition."""
    count = clusters.max() + 1
    draws = np.random.default_rng([seed, resample]).integers(0, count, count)
    return np.concatenate([np.flatnonzero(clusters == drawn) for drawn in draws])


@pytest.mark.parametrize("levels", [None, 4], ids=["distinct", "tied"])
def test_every_resample_equals_scikit_learn_on_the_drawn_images(levels):
    labels, probabilities = make_predictions(240, 4, levels=levels)
    clusters = encode_clusters(np.random.default_rng(5).integers(0, 60, 240), 240)
    count = clusters.max() + 1
    samples = bootstrap(
        Headline(labels, probabilities, clusters, count), count, resamples=RESAMPLES, seed=7
    ).samples
    for resample in range(RESAMPLES):
        rows = materialise(clusters, resample, seed=7)
        truth, scores = labels[rows], probabilities[rows]
        decided = scores.argmax(axis=1)
        expected = {
            "accuracy": sk.accuracy_score(truth, decided),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, decided),
            "f1": sk.f1_score(truth, decided, average="macro"),
            "auroc": sk.roc_auc_score(truth, scores, multi_class="ovr"),
            "auroc_weighted": sk.roc_auc_score(
                truth, scores, multi_class="ovr", average="weighted"
            ),
            "auprc": sk.average_precision_score(np.eye(4)[truth], scores),
            "brier": sk.brier_score_loss(truth, scores, scale_by_half=False),
        }
        for name, value in expected.items():
            assert samples[name][resample] == pytest.approx(value, abs=1e-12), name


def test_weights_draw_as_many_clusters_as_there_are():
    batches = list(cluster_weights(17, 70, seed=0))
    weights = np.concatenate(batches, axis=1)
    assert weights.shape == (17, 70)
    assert (weights.sum(axis=0) == 17).all()
    assert len(np.unique(weights, axis=1).T) == 70


def test_resamples_do_not_depend_on_batches_or_on_their_number(monkeypatch):
    few = np.concatenate(list(cluster_weights(9, 10, seed=3)), axis=1)
    monkeypatch.setattr(module, "BATCH", 4)
    many = np.concatenate(list(cluster_weights(9, 30, seed=3)), axis=1)
    assert np.array_equal(few, many[:, :10])
    assert not np.array_equal(few, np.concatenate(list(cluster_weights(9, 10, seed=4)), axis=1))


def test_percentiles_leave_out_and_count_the_undefined():
    samples = np.array([np.nan, *range(101), np.nan])
    interval = percentile_interval(50.0, samples)
    assert (interval.low, interval.high) == pytest.approx((2.5, 97.5))
    assert (interval.undefined_resamples, interval.resamples) == (2, 103)


def test_no_defined_resample_has_no_bounds():
    interval = percentile_interval(0.5, np.full(4, np.nan))
    assert np.isnan(interval.low)
    assert np.isnan(interval.high)
    assert interval.undefined_resamples == 4
    assert interval.to_json()["low"] is None


def test_no_resamples_asked_for_gives_values_alone():
    evaluation = evaluate_predictions(*make_predictions(), None, list("abc"), resamples=0)
    assert evaluation.auroc > 0.5
    assert np.isnan(evaluation.intervals["auroc"].low)


def test_rare_class_makes_partial_and_undefined_resamples():
    labels, probabilities = make_predictions(200)
    labels = np.where(labels == 2, 0, labels)
    labels[17] = 2
    evaluation = evaluate_predictions(labels, probabilities, None, list("abc"), resamples=300)
    drawn = np.concatenate(list(cluster_weights(200, 300, seed=0)), axis=1)[17]
    missed = int((drawn == 0).sum())
    assert 0 < missed < 300
    assert evaluation.per_class["c"]["auroc"].undefined_resamples == missed
    macro = evaluation.intervals["auroc"]
    assert (macro.partial_resamples, macro.undefined_resamples) == (missed, 0)
    assert evaluation.intervals["accuracy"].partial_resamples == 0


def test_copies_of_a_patients_images_do_not_narrow_the_interval():
    labels, probabilities = make_predictions(150)
    rows = np.repeat(np.arange(150), 4)
    single = evaluate_predictions(labels, probabilities, None, list("abc"), resamples=200)
    copied = evaluate_predictions(
        labels[rows], probabilities[rows], rows, list("abc"), resamples=200
    )
    naive = evaluate_predictions(
        labels[rows], probabilities[rows], None, list("abc"), resamples=200
    )
    for name in ("accuracy", "auroc", "brier"):
        one, same, narrow = (e.intervals[name] for e in (single, copied, naive))
        assert (same.low, same.high) == pytest.approx((one.low, one.high), abs=1e-12)
        assert narrow.high - narrow.low < 0.7 * (one.high - one.low)


def test_paired_difference_is_the_difference_resample_by_resample():
    labels, first = make_predictions(200)
    _, second = make_predictions(200, seed=4)
    groups = np.arange(200) // 2
    differences = paired_difference(labels, first, second, groups, resamples=RESAMPLES, seed=2)
    clusters = encode_clusters(groups, 200)
    slow = []
    for resample in range(RESAMPLES):
        rows = materialise(clusters, resample, seed=2)
        areas = [
            sk.roc_auc_score(labels[rows], scores[rows], multi_class="ovr")
            for scores in (first, second)
        ]
        slow.append(areas[0] - areas[1])
    low, high = np.quantile(slow, [0.025, 0.975])
    assert differences["auroc"].low == pytest.approx(low, abs=1e-12)
    assert differences["auroc"].high == pytest.approx(high, abs=1e-12)
    assert set(differences) == set(OVERALL)


def test_a_model_does_not_differ_from_itself():
    labels, probabilities = make_predictions(100)
    for interval in paired_difference(labels, probabilities, probabilities, resamples=10).values():
        assert (interval.value, interval.low, interval.high) == (0, 0, 0)


def test_pairing_finds_what_separate_intervals_hide():
    labels, first = make_predictions(400)
    # The second model errs wherever the first does, and on a few images more.
    second = first.copy()
    spoilt = np.flatnonzero(first.argmax(axis=1) == labels)[:12]
    second[spoilt] = np.roll(first[spoilt], 1, axis=1)
    names = list("abc")
    ours, theirs = (
        evaluate_predictions(labels, scores, None, names, resamples=300).intervals["accuracy"]
        for scores in (first, second)
    )
    assert ours.low < theirs.high
    assert paired_difference(labels, first, second, resamples=300)["accuracy"].low > 0
