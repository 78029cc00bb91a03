"""Measures of embeddings, against the papers' formulas as slow loops and known cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dermctl.metrics.representation import (
    alignment,
    effective_rank,
    feature_std,
    uniformity,
    unit_rows,
)

RNG = np.random.default_rng(0)
ONE, OTHER = RNG.normal(size=(12, 5)), RNG.normal(size=(12, 5))
VIEWS = list(zip(ONE, OTHER, strict=True))


def unit(row: np.ndarray) -> np.ndarray:
    return row / math.sqrt(sum(x * x for x in row))


def test_alignment_is_the_mean_squared_distance_of_two_views() -> None:
    slow = [sum((a - b) ** 2 for a, b in zip(unit(x), unit(y), strict=True)) for x, y in VIEWS]
    assert alignment(ONE, OTHER) == pytest.approx(sum(slow) / len(slow))
    assert alignment(ONE, 3 * ONE) == pytest.approx(0, abs=1e-12)
    assert alignment(ONE, -ONE) == pytest.approx(4)


def test_uniformity_is_over_all_pairs() -> None:
    potentials = [
        math.exp(-2 * sum((a - b) ** 2 for a, b in zip(unit(ONE[i]), unit(ONE[j]), strict=True)))
        for i in range(12)
        for j in range(i)
    ]
    assert uniformity(ONE) == pytest.approx(math.log(sum(potentials) / len(potentials)))
    assert uniformity(np.ones((4, 3))) == pytest.approx(0, abs=1e-9), "all in one place: the worst"
    assert uniformity([[1.0, 0.0], [-1.0, 0.0]]) == pytest.approx(-8)
    with pytest.raises(ValueError, match="two embeddings"):
        uniformity([[1.0, 2.0]])


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_effective_rank_counts_equal_directions(rank: int) -> None:
    orthogonal = np.linalg.qr(RNG.normal(size=(20, rank)))[0]
    basis = np.linalg.qr(RNG.normal(size=(10, rank)))[0]
    assert effective_rank(orthogonal @ basis.T) == pytest.approx(rank, rel=1e-4)


def test_effective_rank_is_the_entropy_of_the_singular_values() -> None:
    values = np.sqrt(np.linalg.eigvalsh(ONE.T @ ONE))
    shares = [value / sum(values) for value in values]
    entropy = -sum(share * math.log(share) for share in shares)
    assert effective_rank(ONE) == pytest.approx(math.exp(entropy), rel=1e-5)
    assert effective_rank(np.zeros((4, 3))) == 1


def test_feature_std_is_one_on_the_sphere_and_zero_in_one_place() -> None:
    assert feature_std(RNG.normal(size=(4000, 64))) == pytest.approx(1, rel=0.01)
    assert feature_std(np.ones((5, 7)) * np.arange(1, 6)[:, None]) == pytest.approx(0, abs=1e-12)
    rows = [unit(row) for row in ONE]
    slow = [np.std([row[k] for row in rows]) for k in range(5)]
    assert feature_std(ONE) == pytest.approx(sum(slow) / 5 * math.sqrt(5))


def test_a_row_of_zeros_stays() -> None:
    assert unit_rows([[0.0, 0.0], [3.0, 4.0]]).tolist() == [[0, 0], [0.6, 0.8]]
