"""SupCon against the paper's equation and pytorch-metric-learning."""

from __future__ import annotations

import pytest
import torch

from dermctl.errors import ConfigError, TrainingError
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.losses.supcon import SupConLoss
from tests.methods.losses import slow
from tests.methods.losses.slow import distance, views, with_gradients

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("temperature", [0.5, 0.05])
@pytest.mark.parametrize("labels", [[0, 1, 0, 2, 1, 0, 5], [3, 3, 3, 3, 3, 3, 3]])
def test_is_equation_2(labels: list[int], temperature: float, dtype: torch.dtype) -> None:
    z, _ = views(7, 5, dtype=dtype)  # the classes 2 and 5 have one row
    value, gradient = with_gradients(SupConLoss(temperature), z, labels=torch.tensor(labels))
    expected, expected_gradient = with_gradients(
        slow.supcon, z.double(), labels=labels, temperature=temperature
    )
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_of_ones_group_and_another_class_are_no_negatives(dtype: torch.dtype) -> None:
    z, _ = views(7, 5, dtype=dtype)
    labels, groups = [0, 1, 0, 2, 1, 0, 5], [3, 3, 4, 3, 4, 3, 4]
    known = {"labels": torch.tensor(labels), "groups": torch.tensor(groups)}
    value, gradient = with_gradients(SupConLoss(0.2), z, **known)
    expected, expected_gradient = with_gradients(
        slow.supcon, z.double(), labels=labels, groups=groups, temperature=0.2
    )
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]
    assert distance(value, SupConLoss(0.2)(z, known["labels"])) > 0.01


def test_a_batch_of_one_group_in_classes_of_one_row_has_nothing_to_learn() -> None:
    z, _ = views(5, 3, dtype=torch.float32)
    known = {"labels": torch.arange(5), "groups": torch.zeros(5)}
    value, gradient = with_gradients(SupConLoss(), z, **known)
    assert value == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_pytorch_metric_learning(dtype: torch.dtype) -> None:
    from pytorch_metric_learning.losses import SupConLoss as Peer

    z, _ = views(200, 32, dtype=dtype)
    labels = torch.randint(60, (200,), generator=torch.Generator().manual_seed(1))
    assert labels.bincount().min() <= 1  # some rows are alone in their class
    value, gradient = with_gradients(SupConLoss(0.1), z, labels=labels)
    expected, expected_gradient = with_gradients(Peer(temperature=0.1), z, labels=labels)
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]


def test_with_two_views_as_classes_it_is_nt_xent() -> None:
    z0, z1 = views(9, 6)
    labels = torch.arange(9).repeat(2)
    supcon = SupConLoss(0.1)(torch.cat([z0, z1]), labels)
    assert distance(supcon, NTXentLoss(0.1)(z0, z1)) < 1e-10


def test_rows_alone_in_their_class_have_nothing_to_learn() -> None:
    z, _ = views(5, 3, dtype=torch.float32)
    value, gradient = with_gradients(SupConLoss(), z, labels=torch.arange(5))
    assert value == 0
    assert (gradient == 0).all()


def test_autocast_changes_nothing() -> None:
    z, _ = views(8, 5, dtype=torch.float32)
    labels = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    expected = SupConLoss()(z, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert SupConLoss()(z, labels) == expected


def test_unusable_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="temperature must be above 0"):
        SupConLoss(0)
    with pytest.raises(TrainingError, match=r"labels must have shape \[4\]"):
        SupConLoss()(torch.ones(4, 3), torch.zeros(3))
    with pytest.raises(TrainingError, match=r"shape \[R, D\]"):
        SupConLoss()(torch.ones(4, 3, 2), torch.zeros(4))
    with pytest.raises(TrainingError, match="floating point"):
        SupConLoss()(torch.ones(4, 3, dtype=torch.long), torch.zeros(4))
