"""The vote of nearest neighbours against the paper's loop and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from dermctl.methods.nearest_neighbours import fit_nearest_neighbours
from dermctl.models.neighbours import NearestNeighbours


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def clouds(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    labels = rng.integers(3, size=n)
    return rng.normal(size=(n, 6)) + 1.5 * np.eye(6)[labels], labels


def test_the_vote_is_the_papers(rng: np.random.Generator) -> None:
    bank, labels = clouds(rng, 40)
    asked, _ = clouds(rng, 7)
    votes = torch.tensor(np.eye(3)[labels], dtype=torch.float32)
    head = NearestNeighbours(torch.tensor(bank).float(), votes, k=5, temperature=0.1)
    found = head(torch.tensor(asked).float()).exp().numpy()
    for row, probabilities in zip(asked, found, strict=True):
        similarity = [
            float(row @ other) / math.sqrt(float(row @ row) * float(other @ other))
            for other in bank
        ]
        nearest = sorted(range(40), key=lambda i: -similarity[i])[:5]
        shares = np.zeros(3)
        for i in nearest:
            shares[labels[i]] += math.exp(similarity[i] / 0.1)
        assert probabilities == pytest.approx(shares / shares.sum(), abs=1e-4)


def test_without_balance_it_decides_as_scikit_learn(rng: np.random.Generator) -> None:
    train, labels = clouds(rng, 200)
    val, val_labels = clouds(rng, 80)
    head, tried = fit_nearest_neighbours(
        train, labels, val, val_labels, classes=3, balanced=False, neighbours=(9,)
    )
    peer = KNeighborsClassifier(
        9, metric="cosine", algorithm="brute", weights=lambda far: np.exp((1 - far) / 0.07)
    ).fit(train, labels)
    found = head(torch.tensor(val).float()).argmax(1).numpy()
    assert (found == peer.predict(val)).mean() > 0.98
    assert tried[0][0] == 9
    assert tried[0][1]["acc"] == pytest.approx((found == val_labels).mean())


def test_k_is_the_best_on_validation_and_there_are_so_many_images(
    rng: np.random.Generator,
) -> None:
    train, labels = clouds(rng, 60)
    val, val_labels = clouds(rng, 50)
    head, tried = fit_nearest_neighbours(train, labels, val, val_labels, classes=3)
    scores = {k: values["balanced_accuracy"] for k, values in tried}
    assert list(scores) == [1, 5, 10, 20, 50]
    assert scores[head.k] == max(scores.values())


def test_balance_lets_a_rare_class_win(rng: np.random.Generator) -> None:
    bank = torch.tensor([[1.0, 0.0]] * 9 + [[1.0, 0.01]])
    labels = np.array([0] * 9 + [1])
    options = {"classes": 2, "neighbours": (10,)}
    asked, truth = np.array([[1.0, 0.0]]), np.array([0])
    plain, _ = fit_nearest_neighbours(bank.numpy(), labels, asked, truth, balanced=False, **options)
    even, _ = fit_nearest_neighbours(bank.numpy(), labels, asked, truth, **options)
    assert float(plain(bank[:1]).exp()[0, 1]) == pytest.approx(0.1, abs=0.01)
    assert float(even(bank[:1]).exp()[0, 1]) == pytest.approx(0.5, abs=0.01)
