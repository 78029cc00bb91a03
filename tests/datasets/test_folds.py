"""Cross-validation folds against scikit-learn's StratifiedGroupKFold."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from dermctl.datasets.folds import grouped_folds
from dermctl.errors import DataError


def make_patients(seed: int, n: int = 300) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    groups, labels = [], []
    for patient in range(n):
        size = int(rng.geometric(0.4))
        groups += [f"p{patient}"] * size
        labels += rng.choice(["nv", "mel", "bcc", "df"], size, p=[0.6, 0.2, 0.15, 0.05]).tolist()
    return groups, labels


def imbalance(folds, labels, k) -> float:
    """Largest distance of any label's share in any fold from 1/k."""
    sizes = Counter(labels)
    cells = Counter(zip(folds, labels, strict=True))
    return max(abs(cells[fold, x] / sizes[x] - 1 / k) for x in sizes for fold in range(k))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_folds_are_at_least_as_balanced_as_those_of_scikit_learn(seed):
    groups, labels = make_patients(seed)
    ours = grouped_folds(groups, labels, 5, seed)
    peer = np.empty(len(groups), dtype=int)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    for fold, (_, rows) in enumerate(splitter.split(labels, labels, groups)):
        peer[rows] = fold
    assert imbalance(ours, labels, 5) <= imbalance(peer.tolist(), labels, 5) + 1e-9


def test_folds_keep_groups_whole_whatever_the_order_of_rows():
    groups, labels = make_patients(7)
    straight = dict(zip(groups, grouped_folds(groups, labels, 4, 1), strict=True))
    order = np.random.default_rng(0).permutation(len(groups)).tolist()
    shuffled = grouped_folds([groups[i] for i in order], [labels[i] for i in order], 4, 1)
    assert all(straight[groups[i]] == fold for i, fold in zip(order, shuffled, strict=True))
    assert set(straight.values()) == {0, 1, 2, 3}


def test_the_seed_changes_the_folds():
    groups, labels = make_patients(7)
    assert grouped_folds(groups, labels, 4, 1) != grouped_folds(groups, labels, 4, 2)


@pytest.mark.parametrize(("k", "message"), [(1, "1 folds"), (3, "2 groups cannot fill 3 folds")])
def test_impossible_folds_are_refused(k, message):
    with pytest.raises(DataError, match=message):
        grouped_folds(["a", "a", "b"], ["x"] * 3, k, 0)
