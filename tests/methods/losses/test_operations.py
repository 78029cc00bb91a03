"""NT-Xent in one tile starts fewer operations than the dense form, and moves fewer bytes.

That is what a GPU waits for: a small batch for operations to start, a large one for its memory.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dermctl.methods.losses.nt_xent import NTXentLoss
from tests.benchmarks.losses import dense, projections, run
from tests.benchmarks.operations import Operations, operations_of

ONE_TILE = 8192
ROWS = 512
"""Enough for a pass over the similarities to outweigh one over the projections."""


def dense_in_groups(z0: Tensor, z1: Tensor, groups: Tensor) -> Tensor:
    """``dense``, where other images of an image's group are masked."""
    z = torch.nn.functional.normalize(torch.cat([z0, z1]), dim=1)
    images = torch.arange(len(z), device=z.device)
    positives = images.roll(len(z0))
    masked = groups.repeat(2).unsqueeze(1) == groups.repeat(2)
    masked[images, positives] = False
    logits = (z @ z.T / 0.1).masked_fill(masked, -torch.inf)
    return torch.nn.functional.cross_entropy(logits, positives)


def counted(loss: object, *others: Tensor) -> Operations:
    views = projections(ROWS, 64, "cpu")
    return operations_of(lambda: run(lambda z0, z1: loss(z0, z1, *others), views))  # type: ignore[operator]


@pytest.mark.parametrize("temperature", [0.1, 0.01])
def test_one_tile_asks_less_of_a_device_than_the_dense_form(temperature: float) -> None:
    ours, theirs = counted(NTXentLoss(temperature, chunk=ONE_TILE)), counted(dense)
    assert len(ours.names) <= len(theirs.names)
    assert ours.moved < 0.9 * theirs.moved


def test_so_it_does_with_groups() -> None:
    groups = torch.arange(ROWS // 2) // 2
    ours = counted(NTXentLoss(0.1, chunk=ONE_TILE), groups)
    theirs = counted(dense_in_groups, groups)
    assert len(ours.names) <= len(theirs.names)
    assert ours.moved < 0.9 * theirs.moved


def test_products_of_a_tile_are_one_forth_and_one_back() -> None:
    names = counted(NTXentLoss(0.1, chunk=ONE_TILE)).names
    assert sum(name.endswith("mm") for name in names) == 2
    assert sum(name.endswith("mm") for name in counted(dense).names) == 3


def test_no_gradient_is_made_where_none_is_asked_for() -> None:
    z0, z1 = (view.detach() for view in projections(ROWS, 64, "cpu"))
    names = operations_of(lambda: NTXentLoss(0.1, chunk=ONE_TILE)(z0, z1)).names
    assert sum(name.endswith("mm") for name in names) == 1


def test_operations_are_counted_but_for_views_and_allocations() -> None:
    a = torch.ones(4, 8)
    row = torch.ones(8)

    def work() -> None:
        b = torch.empty(4, 8)
        b.copy_(a)  # reads 128 bytes, writes 128
        b.t().unsqueeze(0)
        b.fill_(1)  # writes 128
        b.add_(row.expand(4, 8))  # reads 128 + 32, writes 128

    counted = operations_of(work)
    assert counted.names == ["copy_", "fill_", "add_"]
    assert counted.moved == 256 + 128 + 288
