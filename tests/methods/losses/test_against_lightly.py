"""The losses that lightly has too, against lightly's."""

from __future__ import annotations

import pytest
import torch

from dermctl.methods.losses.registry import build_loss
from tests.methods.losses.slow import distance, views, with_gradients

lightly = pytest.importorskip("lightly.loss")


@pytest.mark.parametrize(
    ("name", "ours", "peer", "theirs"),
    [
        ("nt_xent", {"temperature": 0.2}, "NTXentLoss", {"temperature": 0.2}),
        ("vicreg", {}, "VICRegLoss", {}),
        (
            "vicreg",
            {"invariance": 2.0, "variance": 7.0, "covariance": 3.0},
            "VICRegLoss",
            {"lambda_param": 2.0, "mu_param": 7.0, "nu_param": 3.0},
        ),
        ("barlow_twins", {}, "BarlowTwinsLoss", {}),
        ("barlow_twins", {"redundancy": 0.5}, "BarlowTwinsLoss", {"lambda_param": 0.5}),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_lightly(
    name: str, ours: dict[str, float], peer: str, theirs: dict[str, float], dtype: torch.dtype
) -> None:
    tolerance = 1e-5 if dtype == torch.float32 else 1e-10
    z0, z1 = views(100, 32, dtype=dtype)
    z0, z1 = z0 / 4, z1 / 12  # some deviations below 1, where VICReg's hinge acts
    value, gradient = with_gradients(build_loss(name, **ours), z0, z1)
    expected, expected_gradient = with_gradients(getattr(lightly, peer)(**theirs), z0, z1)
    assert distance(value, expected) < tolerance
    assert distance(gradient, expected_gradient) < tolerance
