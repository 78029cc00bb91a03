"""Encoder and loss read no value back from the device: that would wait for it, at every step.

On a pretended GPU: torch's fake tensors run every operation but its arithmetic, and refuse what
would need a value. Backward passes need a real one (tests/training/test_gpu.py).
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from dermctl.methods.joint_embedding import JointEmbedding
from dermctl.methods.losses.barlow_twins import BarlowTwinsLoss
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.losses.supcon import SupConLoss
from dermctl.methods.losses.vicreg import VICRegLoss
from dermctl.models.encoder import build_encoder, feature_width
from dermctl.models.heads import Projector
from tests.methods.made import OPTIMIZER, about

IMAGES = 6
LOSSES = [
    (NTXentLoss(0.2), False),
    (NTXentLoss(0.01), False),
    (NTXentLoss(0.2, chunk=4), False),
    (SupConLoss(0.2), True),
    (VICRegLoss(), False),
    (BarlowTwinsLoss(), False),
]


def moved(module: torch.nn.Module) -> None:
    """Put what a module holds on the pretended GPU; ``to`` cannot, from real memory."""
    for part in module.modules():
        for held in (part._parameters, part._buffers):
            for name, values in held.items():
                if values is not None:
                    there = torch.empty(values.shape, dtype=values.dtype, device="cuda")
                    held[name] = torch.nn.Parameter(there) if held is part._parameters else there


def loss_of_a_batch(loss: torch.nn.Module, labelled: bool, micro_batch: int) -> None:
    """The loss of a batch on a pretended GPU."""
    encoder = build_encoder("test_vit", 32)
    projector = Projector(feature_width(encoder), 16, 8)
    module = JointEmbedding(
        encoder, projector, loss, about(), labelled=labelled, micro_batch=micro_batch, **OPTIMIZER
    )
    with FakeTensorMode():
        moved(module)
        numbers = torch.arange(IMAGES, device="cuda") // 2
        batch = {
            "views": torch.zeros(2, IMAGES, 32, 32, 3, dtype=torch.uint8, device="cuda"),
            "labels" if labelled else "groups": numbers,
        }
        value = module._compared(batch)
        assert value.device.type == "cuda"


@pytest.mark.parametrize("micro_batch", [0, 2])
@pytest.mark.parametrize(("loss", "labelled"), LOSSES)
def test_a_loss_reads_nothing_back(loss: Any, labelled: bool, micro_batch: int) -> None:
    loss_of_a_batch(loss, labelled, micro_batch)


class Reading(torch.nn.Module):
    """A loss that looks at its own value."""

    def forward(self, one: torch.Tensor, other: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        product = (one * other).sum()
        return product if product > 0 else -product


def test_what_reads_is_noticed() -> None:
    with pytest.raises(DataDependentOutputException):
        loss_of_a_batch(Reading(), False, 0)
