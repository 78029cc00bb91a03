from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.errors import DataError
from dermctl.metrics import scores
from dermctl.metrics.inputs import pool_classes
from tests.metrics.helpers import Arrays, make_predictions, small_predictions

OVERALL = [
    scores.accuracy,
    scores.balanced_accuracy,
    scores.isic_balanced_accuracy,
    scores.ece,
    scores.brier,
]
PER_CLASS = [
    scores.sensitivity,
    scores.specificity,
    scores.precision,
    scores.f1,
    scores.auroc,
    scores.auprc,
    scores.pauc,
]


@pytest.fixture(params=[None, 3], ids=["distinct", "tied"])
def predictions(request) -> Arrays:
    return make_predictions(400, 5, levels=request.param)


def test_decision_metrics_are_scikit_learns(predictions):
    labels, probabilities = predictions
    decided = probabilities.argmax(axis=1)
    assert scores.accuracy(labels, probabilities).value == sk.accuracy_score(labels, decided)
    assert scores.balanced_accuracy(labels, probabilities).value == pytest.approx(
        sk.balanced_accuracy_score(labels, decided), abs=1e-12
    )
    for ours, theirs in (
        (scores.sensitivity, sk.recall_score),
        (scores.precision, sk.precision_score),
        (scores.f1, sk.f1_score),
    ):
        np.testing.assert_allclose(
            ours(labels, probabilities).per_class, theirs(labels, decided, average=None), atol=1e-12
        )
    specificities = [sk.recall_score(labels != c, decided != c) for c in range(5)]
    np.testing.assert_allclose(scores.specificity(labels, probabilities).per_class, specificities)
    assert scores.f1(labels, probabilities).macro == pytest.approx(
        sk.f1_score(labels, decided, average="macro"), abs=1e-12
    )


def test_ranking_metrics_are_scikit_learns(predictions):
    labels, probabilities = predictions
    ranking = scores.auroc(labels, probabilities)
    precision = scores.auprc(labels, probabilities)
    for c in range(5):
        truth, values = labels == c, probabilities[:, c]
        assert ranking.per_class[c] == pytest.approx(sk.roc_auc_score(truth, values), abs=1e-12)
        assert precision.per_class[c] == pytest.approx(
            sk.average_precision_score(truth, values), abs=1e-12
        )
    for average in ("macro", "weighted"):
        assert getattr(ranking, average) == pytest.approx(
            sk.roc_auc_score(labels, probabilities, multi_class="ovr", average=average), abs=1e-12
        )


@pytest.mark.parametrize("min_tpr", [0.0, 0.5, 0.8, 0.88])
def test_partial_area_is_isics(predictions, min_tpr):
    # ISIC 2024's published score: flip truth and scores, so that the area above a true-positive
    # rate is one below a false-positive rate, and undo scikit-learn's rescaling of it.
    labels, probabilities = predictions
    truth, values = labels == 1, probabilities[:, 1]
    max_fpr = 1 - min_tpr
    scaled = sk.roc_auc_score(~truth, -values, max_fpr=max_fpr)
    least = 0.5 * max_fpr**2
    expected = scaled if max_fpr == 1 else least + (max_fpr - least) * (scaled - 0.5) / 0.5
    assert scores.binary_pauc(truth, values, min_tpr).value == pytest.approx(expected, abs=1e-12)
    assert scores.pauc(labels, probabilities, min_tpr).per_class[1] == pytest.approx(expected)


def test_partial_area_of_a_perfect_ranking_is_the_whole_strip():
    assert scores.binary_pauc([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4]).value == pytest.approx(0.2)


def test_weights_are_scikit_learns_sample_weights(predictions):
    labels, probabilities = predictions
    weights = np.random.default_rng(1).integers(0, 4, len(labels))
    truth, values = labels == 2, probabilities[:, 2]
    assert scores.binary_auroc(truth, values, weights).value == pytest.approx(
        sk.roc_auc_score(truth, values, sample_weight=weights), abs=1e-12
    )
    assert scores.binary_auprc(truth, values, weights).value == pytest.approx(
        sk.average_precision_score(truth, values, sample_weight=weights), abs=1e-12
    )
    assert scores.balanced_accuracy(labels, probabilities, weights).value == pytest.approx(
        sk.balanced_accuracy_score(labels, probabilities.argmax(1), sample_weight=weights)
    )


def test_top_k_is_scikit_learns(predictions):
    labels, probabilities = make_predictions(300, 6, seed=3)
    for k in (1, 2, 3):
        expected = sk.top_k_accuracy_score(labels, probabilities, k=k)
        assert scores.top_k_accuracy(labels, probabilities, k).value == pytest.approx(expected)
    assert scores.top_k_accuracy(*predictions, 1) == scores.accuracy(*predictions)
    assert scores.top_k_accuracy(*predictions, 5).value == 1.0


def test_argmax_tie_is_wrong_for_isic_only():
    labels = [0, 0, 1, 1]
    probabilities = [[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]
    assert scores.balanced_accuracy(labels, probabilities).value == 1.0
    assert scores.isic_balanced_accuracy(labels, probabilities).value == 0.75


def test_isic_balanced_accuracy_is_that_of_isic_challenge_scoring():
    pd = pytest.importorskip("pandas")
    isic = pytest.importorskip("isic_challenge_scoring.metrics")
    labels, probabilities = make_predictions(400, 5, levels=3)
    names = list("abcde")
    expected = isic.balanced_multiclass_accuracy(
        pd.DataFrame(np.eye(5)[labels], columns=names),
        pd.DataFrame(probabilities, columns=names),
        pd.Series(np.ones(400)),
    )
    ours = scores.isic_balanced_accuracy(labels, probabilities).value
    assert ours == pytest.approx(expected, abs=1e-12)
    assert ours < scores.balanced_accuracy(labels, probabilities).value


def test_files_of_isic_2018_task_3_score_the_same(tmp_path, monkeypatch):
    """The challenge's own scorer on its own file format: a truth and a submission, one-hot CSVs."""
    pd = pytest.importorskip("pandas")
    scoring = pytest.importorskip("isic_challenge_scoring.classification")
    # The scorer still calls it by the name that it had before pandas 2.1.
    monkeypatch.setattr(pd.DataFrame, "applymap", pd.DataFrame.map, raising=False)
    classes = ["MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC"]
    labels, probabilities = make_predictions(300, len(classes), levels=3)
    images = [f"ISIC_{number:07d}" for number in range(300)]
    for name, values in (("truth", np.eye(len(classes))[labels]), ("submission", probabilities)):
        table = pd.DataFrame(values, columns=classes).assign(image=images)
        table[["image", *classes]].to_csv(tmp_path / f"{name}.csv", index=False)
    score = scoring.ClassificationScore.from_file(
        tmp_path / "truth.csv",
        tmp_path / "submission.csv",
        scoring.ClassificationMetric.BALANCED_ACCURACY,
    )
    ours = scores.isic_balanced_accuracy(labels, probabilities).value
    assert score.overall == pytest.approx(ours, abs=1e-12)
    assert ours != scores.balanced_accuracy(labels, probabilities).value, "there are ties"
    areas = scores.auroc(labels, probabilities).per_class
    assert score.per_category["auc"].to_numpy() == pytest.approx(areas, abs=1e-9)


def test_class_without_images_is_left_out_with_a_reason():
    labels = [0, 1, 0, 1]
    probabilities = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.4, 0.5, 0.1], [0.1, 0.2, 0.7]]
    recall = scores.sensitivity(labels, probabilities)
    assert recall.undefined == {2: "no images of this class"}
    assert recall.macro == recall.weighted == 0.5
    # Absent, yet decided for: its F1 is zero, not undefined (as in scikit-learn).
    decided = np.argmax(probabilities, axis=1)
    f1 = scores.f1(labels, probabilities)
    assert f1.undefined == {}
    assert f1.macro == pytest.approx(sk.f1_score(labels, decided, average="macro"))
    ranking = scores.auroc(labels, probabilities)
    assert set(ranking.undefined) == {2}
    assert np.isnan(ranking.per_class[2])
    assert ranking.macro == pytest.approx(np.mean(ranking.per_class[:2]))


@pytest.mark.parametrize("metric", [scores.binary_auroc, scores.binary_pauc])
@pytest.mark.parametrize("truth", [[0, 0], [1, 1]])
def test_one_sided_problem_is_undefined_not_an_error(metric, truth):
    score = metric(truth, [0.2, 0.4])
    assert np.isnan(score.value)
    assert score.reason == "no positives, or no negatives"


def test_pooled_classes_are_one_two_class_problem():
    labels, probabilities = make_predictions(300, 4)
    truth, values = pool_classes(labels, probabilities, [1, 3])
    assert np.array_equal(truth, (labels == 1) | (labels == 3))
    np.testing.assert_allclose(values, 1 - probabilities[:, 0] - probabilities[:, 2])
    with pytest.raises(DataError, match=r"label 4 is outside 0\.\.3"):
        pool_classes(labels, probabilities, [4])


def test_no_weight_at_all_is_undefined():
    score = scores.accuracy([0, 1], np.eye(2), weights=[0, 0])
    assert np.isnan(score.value)
    assert score.reason == "no image carries weight"


def test_negative_weight_is_refused():
    with pytest.raises(DataError, match="none negative"):
        scores.accuracy([0, 1], np.eye(2), weights=[1, -1])


@settings(deadline=None, max_examples=40)
@given(small_predictions(), st.randoms(use_true_random=False))
def test_order_of_images_does_not_matter(predictions, random):
    labels, probabilities = predictions
    order = list(range(len(labels)))
    random.shuffle(order)
    for metric in OVERALL:
        assert metric(labels[order], probabilities[order]).value == pytest.approx(
            metric(labels, probabilities).value, abs=1e-12, nan_ok=True
        )
    for metric in PER_CLASS:
        np.testing.assert_allclose(
            metric(labels[order], probabilities[order]).per_class,
            metric(labels, probabilities).per_class,
            atol=1e-12,
        )


@settings(deadline=None, max_examples=40)
@given(small_predictions(), st.data())
def test_weight_is_repetition(predictions, data):
    labels, probabilities = predictions
    counts = st.lists(st.integers(0, 3), min_size=len(labels), max_size=len(labels))
    weights = np.array(data.draw(counts.filter(any)))
    repeated = np.repeat(np.arange(len(labels)), weights)
    for metric in OVERALL:
        assert metric(labels, probabilities, weights=weights).value == pytest.approx(
            metric(labels[repeated], probabilities[repeated]).value, abs=1e-12, nan_ok=True
        )
    for metric in PER_CLASS:
        np.testing.assert_allclose(
            metric(labels, probabilities, weights=weights).per_class,
            metric(labels[repeated], probabilities[repeated]).per_class,
            atol=1e-12,
        )


@settings(deadline=None, max_examples=40)
@given(small_predictions())
def test_monotone_scores_keep_the_area(predictions):
    labels, probabilities = predictions
    truth, values = labels == 0, probabilities[:, 0]
    area = scores.binary_auroc(truth, values).value
    assert scores.binary_auroc(truth, np.log(values)).value == pytest.approx(area, nan_ok=True)
    assert scores.binary_auroc(truth, -values).value == pytest.approx(1 - area, nan_ok=True)
