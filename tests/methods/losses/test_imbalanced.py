"""Focal and logit-adjusted losses against their papers' loops."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from dermctl.methods.losses.imbalanced import FocalLoss, LogitAdjustedLoss

WEIGHT = torch.tensor([0.5, 1.0, 2.5], dtype=torch.float64)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3


@pytest.fixture
def targets() -> torch.Tensor:
    return torch.arange(12) % 3


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_focal_at_zero_is_cross_entropy(logits, targets, weight) -> None:
    wanted = functional.cross_entropy(logits, targets, weight)
    torch.testing.assert_close(FocalLoss(0.0, weight)(logits, targets), wanted)


def test_focal_is_the_papers(logits, targets) -> None:
    total = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        p = math.exp(row[target]) / sum(map(math.exp, row))
        total += -((1 - p) ** 2) * math.log(p)
    assert float(FocalLoss(2.0)(logits, targets)) == pytest.approx(total / 12)


def test_focal_takes_shares_as_well(logits, targets) -> None:
    loss = FocalLoss(2.0, WEIGHT)
    shares = functional.one_hot(targets, 3)
    torch.testing.assert_close(loss(logits, shares), loss(logits, targets))
    smooth = FocalLoss(0.0, label_smoothing=0.1)
    wanted = functional.cross_entropy(logits, targets, label_smoothing=0.1)
    torch.testing.assert_close(smooth(logits, targets), wanted)


def test_logit_adjustment_is_the_papers(logits, targets) -> None:
    counts = torch.tensor([100, 10, 1])
    total = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        raised = [
            value + 0.5 * math.log(n / 111) for value, n in zip(row, counts.tolist(), strict=True)
        ]
        total += -math.log(math.exp(raised[target]) / sum(map(math.exp, raised)))
    found = LogitAdjustedLoss(counts, tau=0.5).double()(logits, targets)
    assert float(found) == pytest.approx(total / 12, rel=1e-6)


def test_logit_adjustment_of_equal_classes_changes_nothing(logits, targets) -> None:
    found = LogitAdjustedLoss(torch.tensor([7, 7, 7]), weight=WEIGHT).double()(logits, targets)
    torch.testing.assert_close(found, functional.cross_entropy(logits, targets, WEIGHT))
