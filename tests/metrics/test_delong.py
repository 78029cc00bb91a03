from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.metrics import scores
from dermctl.metrics.bootstrap import bootstrap
from dermctl.metrics.delong import delong_per_class, delong_test, holm
from dermctl.metrics.inputs import encode_clusters
from dermctl.metrics.ranks import OneVsRest, auroc
from tests.metrics.helpers import make_predictions

# Ovarian cancer and intestinal obstruction (DeLong et al. 1988), the 43 complete patients as
# printed in the SAS/STAT user's guide, PROC LOGISTIC, "Comparing Receiver Operating Characteristic
# Curves": albumin, total protein, K-G score (the lower, the better), benefit from surgery.
OVARIAN = """
3.0 5.8 10 0 3.2 6.3 5 1 3.9 6.8 3 1 2.8 4.8 6 0 3.2 5.8 3 1 0.9 4.0 5 0 2.5 5.7 8 0 1.6 5.6 5 1
3.8 5.7 5 1 3.7 6.7 6 1 3.2 5.4 4 1 3.8 6.6 6 1 4.1 6.6 5 1 3.6 5.7 5 1 4.3 7.0 4 1 3.6 6.7 4 0
2.3 4.4 6 1 4.2 7.6 4 0 4.0 6.6 6 0 3.5 5.8 6 1 3.8 6.8 7 1 3.0 4.7 8 0 4.5 7.4 5 1 3.7 7.4 5 1
3.1 6.6 6 1 4.1 8.2 6 1 4.3 7.0 5 1 4.3 6.5 4 1 3.2 5.1 5 1 2.6 4.7 6 1 3.3 6.8 6 0 1.7 4.0 7 0
3.7 6.1 5 1 3.3 6.3 7 1 4.2 7.7 6 1 3.5 6.2 5 1 2.9 5.7 9 0 2.1 4.8 7 1 2.8 6.2 8 0 4.0 7.0 7 1
3.3 5.7 6 1 3.7 6.9 5 1 3.6 6.6 5 1
"""


def slow_covariance(
    truth: np.ndarray, scores: list[np.ndarray], groups: np.ndarray
) -> tuple[list[float], np.ndarray]:
    """Obuchowski's estimator by its sums, pair by pair and cluster by cluster."""
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    m, n, names = len(positives), len(negatives), np.unique(groups)

    def psi(x: float, y: float) -> float:
        return 1.0 if x > y else 0.5 if x == y else 0.0

    areas, xs, ys = [], [], []
    for values in scores:
        over = {i: np.mean([psi(values[i], values[j]) for j in negatives]) for i in positives}
        under = {j: np.mean([psi(values[i], values[j]) for i in positives]) for j in negatives}
        area = float(np.mean(list(over.values())))
        areas.append(area)
        xs.append([sum(over[i] - area for i in positives if groups[i] == g) for g in names])
        ys.append([sum(under[j] - area for j in negatives if groups[j] == g) for g in names])
    i10 = len({groups[i] for i in positives})
    i01 = len({groups[j] for j in negatives})
    total = len(names)
    covariance = np.empty((len(scores), len(scores)))
    for r in range(len(scores)):
        for s in range(len(scores)):
            s10 = i10 / ((i10 - 1) * m) * np.dot(xs[r], xs[s])
            s01 = i01 / ((i01 - 1) * n) * np.dot(ys[r], ys[s])
            s11 = total / (total - 1) * np.dot(xs[r], ys[s])
            s11_back = total / (total - 1) * np.dot(xs[s], ys[r])
            covariance[r, s] = s10 / m + s01 / n + (s11 + s11_back) / (m * n)
    return areas, covariance


def make_clustered(images: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Truth, two scores with ties, and groups, all sharing what is particular to a group."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, images // 3, images)
    shared = rng.normal(size=groups.max() + 1)[groups]
    truth = rng.normal(size=images) + shared > 0
    first = np.round(rng.normal(size=images) + shared + truth, 1)
    second = np.round(rng.normal(size=images) + 0.5 * shared + truth, 1)
    return truth, first, second, groups


def test_published_worked_example():
    albumin, protein, kg, benefit = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4).T
    test = delong_test(benefit, albumin, 10 - kg)
    assert (test.first, test.second) == pytest.approx((0.7366, 0.7258), abs=5e-5)
    assert (test.first_error, test.second_error) == pytest.approx((0.0927, 0.1028), abs=5e-5)
    assert (test.difference, test.error) == pytest.approx((0.0108, 0.0953), abs=5e-5)
    assert (test.low, test.high) == pytest.approx((-0.1761, 0.1976), abs=5e-5)
    assert (test.z**2, test.p_value) == pytest.approx((0.0127, 0.9102), abs=5e-5)
    test = delong_test(benefit, protein, 10 - kg)
    assert (test.first, test.difference) == pytest.approx((0.6478, -0.0780), abs=5e-5)
    assert (test.z**2, test.p_value) == pytest.approx((0.5554, 0.4561), abs=5e-5)


@pytest.mark.parametrize("clustered", [False, True], ids=["DeLong", "Obuchowski"])
def test_variance_is_that_of_the_sums_over_pairs(clustered):
    truth, first, second, groups = make_clustered()
    groups = groups if clustered else np.arange(len(truth))
    areas, covariance = slow_covariance(truth, [first, second], groups)
    test = delong_test(truth, first, second, groups if clustered else None)
    assert (test.first, test.second) == pytest.approx(areas, abs=1e-12)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert test.error**2 == pytest.approx(variance, rel=1e-10)
    assert test.first_error**2 == pytest.approx(covariance[0, 0], rel=1e-10)


def test_clusters_of_one_image_are_independent_images():
    truth, first, second, _ = make_clustered()
    alone = delong_test(truth, first, second, np.arange(len(truth)))
    assert alone.to_json() == delong_test(truth, first, second).to_json()


def test_clustered_error_agrees_with_the_cluster_bootstrap():
    truth, first, _, groups = make_clustered(900)
    codes = encode_clusters(groups, len(truth))
    count = codes.max() + 1
    ranks = OneVsRest(truth[:, None], first[:, None], codes, count)
    spread = bootstrap(
        lambda weights: {"auroc": auroc(next(ranks.classes(weights)))}, count, resamples=1000
    )
    clustered = delong_test(truth, first, -first, groups)
    assert clustered.first_error == pytest.approx(spread.samples["auroc"].std(), rel=0.1)
    independent = delong_test(truth, first, -first)
    assert independent.first_error < 0.9 * clustered.first_error


def test_equal_rankings_do_not_differ():
    truth, first, _, groups = make_clustered()
    test = delong_test(truth, first, 2 * first + 1, groups)
    assert (test.difference, test.error, test.z, test.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_exchanging_the_scores_turns_the_sign_alone():
    truth, first, second, groups = make_clustered()
    forth, back = (delong_test(truth, *pair, groups) for pair in ((first, second), (second, first)))
    assert forth.z == pytest.approx(-back.z)
    assert forth.p_value == pytest.approx(back.p_value)


@pytest.mark.parametrize(
    ("truth", "groups", "reason"),
    [
        ([0, 0, 0, 0], None, "no positives, or no negatives"),
        ([1, 0, 0, 0], None, "fewer than two clusters"),
        ([1, 1, 0, 0], ["a", "a", "b", "c"], "fewer than two clusters"),
    ],
)
def test_too_few_clusters_are_undefined_with_a_reason(truth, groups, reason):
    test = delong_test(truth, [0.1, 0.4, 0.2, 0.3], [0.4, 0.1, 0.2, 0.3], groups)
    assert np.isnan(test.p_value)
    assert test.reason is not None
    assert test.reason.startswith(reason)
    assert test.to_json()["p_value"] is None


def test_per_class_areas_and_corrected_p_values():
    labels, first = make_predictions(200)
    _, second = make_predictions(200, seed=2)
    tests = delong_per_class(labels, first, second, ["a", "b", "c"])
    areas = scores.auroc(labels, first).per_class
    assert [test.first for test in tests.values()] == pytest.approx(areas.tolist())
    adjusted = [test.adjusted_p_value for test in tests.values()]
    assert adjusted == pytest.approx(holm([test.p_value for test in tests.values()]).tolist())
    assert min(adjusted) > min(test.p_value for test in tests.values())


def test_holm_by_hand():
    # 4·0.005, 3·0.01, then 2·0.03 and 0.04, the last held at the one before it.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.01, np.nan, 0.6]), [0.02, np.nan, 0.6])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.2))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, level):
    rejected = set()
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] * (len(p_values) - step) > level:
            break
        rejected.add(index)
    assert set(np.flatnonzero(holm(p_values) <= level).tolist()) == rejected
