"""Losses by name, their weights, and how often each image is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dermctl.core.finetuning.objective import (
    balanced_chances,
    build_supervised_loss,
    settle_class_weights,
)
from dermctl.methods.losses.imbalanced import FocalLoss, LogitAdjustedLoss
from dermctl.views.batches import EpochBatchSampler

NUMBERS = np.repeat([0, 1, 2], [80, 15, 5])


@pytest.mark.parametrize(
    ("asked", "loss", "sampling", "expected"),
    [
        ("auto", "cross_entropy", "shuffled", "inverse"),
        ("auto", "focal", "shuffled", "inverse"),
        ("auto", "logit_adjusted", "shuffled", "none"),
        ("auto", "cross_entropy", "balanced", "none"),
        ("inverse", "logit_adjusted", "balanced", "inverse"),
        ("effective", "cross_entropy", "shuffled", "effective"),
    ],
)
def test_imbalance_is_made_up_for_once(asked, loss, sampling, expected) -> None:
    assert settle_class_weights(asked, loss, sampling) == expected


def test_losses_by_name() -> None:
    plain = build_supervised_loss("cross_entropy", NUMBERS, 3, class_weights="inverse")
    assert isinstance(plain, nn.CrossEntropyLoss)
    assert plain.weight.numpy() == pytest.approx(100 / (3 * np.array([80, 15, 5])))
    assert build_supervised_loss("cross_entropy", NUMBERS, 3, class_weights="none").weight is None
    focal = build_supervised_loss("focal", NUMBERS, 3, class_weights="effective", gamma=1.5)
    assert isinstance(focal, FocalLoss)
    assert focal.gamma == 1.5
    adjusted = build_supervised_loss("logit_adjusted", NUMBERS, 3, class_weights="none", tau=2.0)
    assert isinstance(adjusted, LogitAdjustedLoss)
    torch.testing.assert_close(adjusted.shift, 2 * torch.tensor([0.80, 0.15, 0.05]).log())


def test_balanced_sampling_draws_each_class_as_often() -> None:
    sampler = EpochBatchSampler(100, 20, seed=3, chances=balanced_chances(NUMBERS))
    drawn = []
    for epoch in range(60):
        sampler.set_epoch(epoch)
        batches = [batch.indices for batch in sampler]
        assert len(batches) == 5
        drawn += [NUMBERS[index] for batch in batches for index in batch]
    shares = np.bincount(drawn) / len(drawn)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)


def test_balanced_sampling_is_the_same_again_and_for_any_number_of_ranks() -> None:
    options = {"seed": 3, "chances": balanced_chances(NUMBERS)}
    whole = [batch.indices for batch in EpochBatchSampler(100, 20, **options)]
    again = [batch.indices for batch in EpochBatchSampler(100, 20, **options)]
    halves = [
        [batch.indices for batch in EpochBatchSampler(100, 20, rank=rank, world_size=2, **options)]
        for rank in range(2)
    ]
    assert whole == again
    for batch, first, second in zip(whole, *halves, strict=True):
        assert sorted(batch) == sorted([*first, *second])
