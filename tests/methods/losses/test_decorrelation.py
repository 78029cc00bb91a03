"""VICReg and Barlow Twins against their papers' equations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dermctl.errors import ConfigError, TrainingError
from dermctl.methods.losses.barlow_twins import BarlowTwinsLoss
from dermctl.methods.losses.vicreg import VICRegLoss
from tests.methods.losses import slow
from tests.methods.losses.slow import distance, views, with_gradients

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weights", [(25.0, 25.0, 1.0), (1.0, 0.0, 0.0), (0.0, 3.0, 0.0)])
def test_vicreg_is_its_equations(weights: tuple[float, float, float], dtype: torch.dtype) -> None:
    z0, z1 = (z / 4 for z in views(6, 4, dtype=dtype))
    value, gradient = with_gradients(VICRegLoss(*weights), z0, z1)
    expected, expected_gradient = with_gradients(
        slow.vicreg, z0.double(), z1.double(), weights=weights
    )
    assert expected > 0
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("redundancy", [5e-3, 0.0, 2.0])
def test_barlow_twins_is_its_equations(redundancy: float, dtype: torch.dtype) -> None:
    z0, z1 = views(6, 4, dtype=dtype)
    value, gradient = with_gradients(BarlowTwinsLoss(redundancy), z0, z1)
    expected, expected_gradient = with_gradients(
        slow.barlow_twins, z0.double(), z1.double(), redundancy=redundancy
    )
    assert distance(value, expected) < TOLERANCE[dtype]
    assert distance(gradient, expected_gradient) < TOLERANCE[dtype]


@pytest.mark.parametrize("loss", [VICRegLoss(), BarlowTwinsLoss()])
def test_a_collapsed_batch_stays_finite(loss: nn.Module) -> None:
    z = torch.ones(5, 4)
    value, gradient = with_gradients(loss, z, z)
    assert value > 0
    assert gradient.isfinite().all()


@pytest.mark.parametrize("loss", [VICRegLoss(), BarlowTwinsLoss()])
def test_autocast_and_groups_change_nothing(loss: nn.Module) -> None:
    z0, z1 = views(8, 5, dtype=torch.float32)
    expected = loss(z0, z1)
    assert loss(z0, z1, groups=torch.zeros(8)) == expected
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(z0, z1) == expected


@pytest.mark.parametrize("loss", [VICRegLoss(), BarlowTwinsLoss()])
def test_unusable_projections_are_refused(loss: nn.Module) -> None:
    with pytest.raises(TrainingError, match=r"shape \[N, D\]"):
        loss(torch.zeros(4, 3), torch.zeros(5, 3))
    with pytest.raises(TrainingError, match="at least 2"):
        loss(torch.zeros(1, 3), torch.zeros(1, 3))


@pytest.mark.parametrize("weight", ["invariance", "variance", "covariance"])
def test_weights_must_not_be_negative(weight: str) -> None:
    with pytest.raises(ConfigError, match=f"{weight} must be at least 0"):
        VICRegLoss(**{weight: -1})
    with pytest.raises(ConfigError, match="redundancy must be at least 0"):
        BarlowTwinsLoss(redundancy=-1)
