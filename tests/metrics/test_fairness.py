from __future__ import annotations

import numpy as np
import pytest

from dermctl.metrics.fairness import (
    GroupCounts,
    count_decisions,
    disparities,
    equalised_odds_per_class,
    min_over_max,
    pqd,
)
from dermctl.metrics.permutation import permuted_disparities


def make_decisions(
    images: int = 600, groups: int = 3, classes: int = 4, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels, subgroups = rng.integers(0, classes, images), rng.integers(0, groups, images)
    wrong = rng.random(images) < 0.2 + 0.1 * subgroups
    return labels, np.where(wrong, rng.integers(0, classes, images), labels), subgroups


def slow_disparities(
    labels: np.ndarray, decided: np.ndarray, subgroups: np.ndarray
) -> dict[str, float]:
    """The formulas of FairDisCo, by loops over classes and subgroups that all have every class."""
    groups, classes = np.unique(subgroups), np.unique(labels)
    accuracy = [np.mean(labels[subgroups == s] == decided[subgroups == s]) for s in groups]
    demographic, opportunity = [], []
    for c in classes:
        rates = [np.mean(decided[subgroups == s] == c) for s in groups]
        hits = [np.mean(decided[(subgroups == s) & (labels == c)] == c) for s in groups]
        demographic.append(min(rates) / max(rates))
        opportunity.append(min(hits) / max(hits))
    return {
        "pqd": min(accuracy) / max(accuracy),
        "dpm": float(np.mean(demographic)),
        "eom": float(np.mean(opportunity)),
    }


def measure(labels: np.ndarray, decided: np.ndarray, subgroups: np.ndarray) -> dict[str, float]:
    counts = count_decisions(labels, decided, subgroups, subgroups.max() + 1, 4)
    return {name: float(value[0]) for name, value in disparities(counts).items() if value.ndim == 1}


def test_ratios_are_those_of_the_papers_loops():
    decisions = make_decisions()
    measured = measure(*decisions)
    for name, expected in slow_disparities(*decisions).items():
        assert measured[name] == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ((0.83783784, 0.84313725, 0.81818182), 0.97040169),
        ((0.78947368, 0.72340426, 0.87234043), 0.82926829),
        ((0.81818182, 0.73913043, 0.92857143), 0.79598662),
    ],
)
def test_quality_disparity_of_the_authors_own_output(accuracies, expected):
    # Accuracy by skin type and PQD as printed in the notebook of the FairDisCo repository.
    images = 1e8
    hits = np.array(accuracies)[:, None, None] * images
    support = np.full((3, 1, 1), images)
    assert pqd(GroupCounts(hits, support, support))[0] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("c", [0, 3])
def test_equalised_odds_are_fairlearns(c):
    fairlearn = pytest.importorskip("fairlearn.metrics")
    labels, decided, subgroups = make_decisions()
    counts = count_decisions(labels, decided, subgroups, 3, 4)
    expected = fairlearn.equalized_odds_difference(
        labels == c, decided == c, sensitive_features=subgroups
    )
    assert equalised_odds_per_class(counts)[c, 0] == pytest.approx(expected, abs=1e-12)


def test_demographic_parity_is_fairlearns():
    fairlearn = pytest.importorskip("fairlearn.metrics")
    labels, decided, subgroups = make_decisions()
    expected = [
        fairlearn.demographic_parity_ratio(labels == c, decided == c, sensitive_features=subgroups)
        for c in range(4)
    ]
    assert measure(labels, decided, subgroups)["dpm"] == pytest.approx(np.mean(expected))


def test_subgroup_that_lacks_a_class_leaves_its_minimum_alone():
    labels, decided, subgroups = make_decisions()
    kept = ~((subgroups == 2) & (labels == 1))
    labels, decided, subgroups = labels[kept], decided[kept], subgroups[kept]
    counts = count_decisions(labels, decided, subgroups, 3, 4)
    others = subgroups < 2
    alone = count_decisions(labels[others], decided[others], subgroups[others], 2, 4)
    ours, theirs = (disparities(each)["eom_per_class"][1, 0] for each in (counts, alone))
    assert ours == theirs
    assert not np.isnan(disparities(counts)["eom"][0])


def test_class_of_one_subgroup_only_is_left_out():
    labels, decided, subgroups = make_decisions()
    kept = (labels != 1) | (subgroups == 0)
    labels, decided, subgroups = labels[kept], decided[kept], subgroups[kept]
    measured = disparities(count_decisions(labels, decided, subgroups, 3, 4))
    assert np.isnan(measured["eom_per_class"][:, 0]).tolist() == [False, True, False, False]
    assert measured["eom"][0] == pytest.approx(np.nanmean(measured["eom_per_class"]))


def test_minimum_over_maximum_where_nothing_is_defined():
    rates = np.array([[0.5, 0.0, np.nan, 0.0], [0.25, 0.0, 0.3, 0.4]])
    np.testing.assert_array_equal(min_over_max(rates), [0.5, np.nan, np.nan, 0.0])


def test_a_subgroup_alone_has_no_disparity():
    labels, decided, _ = make_decisions()
    measured = measure(labels, decided, np.zeros(600, dtype=np.int64))
    assert all(np.isnan(value) for value in measured.values())


def test_a_true_disparity_is_rare_among_shuffles():
    labels, decided, subgroups = make_decisions(1500)
    observed = measure(labels, decided, subgroups)
    permuted = permuted_disparities(
        labels, decided, subgroups, np.arange(1500), observed, classes=4, permutations=199
    )
    assert permuted["pqd"].p_value == 1 / 200
    assert observed["pqd"] < permuted["pqd"].low < permuted["pqd"].median < 1
    assert observed["equalised_odds_difference"] > permuted["equalised_odds_difference"].high


def test_p_values_are_level_when_subgroups_do_not_matter():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(150):
        labels, patients = rng.integers(0, 4, 90), np.arange(90) // 3
        decided = np.where(rng.random(90) < 0.7, labels, rng.integers(0, 4, 90))
        subgroups = rng.integers(0, 2, 30)[patients]
        observed = {"pqd": measure(labels, decided, subgroups)["pqd"]}
        permuted = permuted_disparities(
            labels, decided, subgroups, patients, observed, classes=4, permutations=39
        )
        p_values.append(permuted["pqd"].p_value)
    # Three standard errors of a share of 150 around the nominal fifth.
    assert abs(np.mean(np.array(p_values) <= 0.2) - 0.2) < 0.1


def test_clusters_are_shuffled_whole():
    # Every patient is all right or all wrong: only shuffling whole patients keeps the spread
    # between subgroups as wide as it is for so few independent units.
    rng = np.random.default_rng(1)
    patients = np.repeat(np.arange(20), 30)
    right = rng.random(20)[patients] < 0.6
    labels = rng.integers(0, 4, 600)
    decided = np.where(right, labels, (labels + 1) % 4)
    subgroups = (np.arange(20) % 2)[patients]
    observed = {"pqd": 1.0}
    whole, single = (
        permuted_disparities(
            labels, decided, subgroups, codes, observed, classes=4, permutations=199
        )["pqd"]
        for codes in (patients, np.arange(600))
    )
    assert whole.low < single.low - 0.2
