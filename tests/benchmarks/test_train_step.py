"""The peer's loss is the loss that ours is, so that the loops differ in how they are run alone."""

from __future__ import annotations

import torch

from dermctl.methods.losses.nt_xent import NTXentLoss
from tests.benchmarks.train_step import TEMPERATURE, masked_nt_xent


def test_the_loss_with_masks_is_nt_xent() -> None:
    torch.manual_seed(0)
    first, second = (torch.randn(9, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    ours = NTXentLoss(temperature=TEMPERATURE)(first, second)
    theirs = masked_nt_xent(first, second)
    torch.testing.assert_close(theirs, ours)
    wanted = torch.autograd.grad(ours, (first, second))
    torch.testing.assert_close(torch.autograd.grad(theirs, (first, second)), wanted)
