"""NT-Xent on a GPU: exact there too, and small. Its speed is a benchmark's business."""

from __future__ import annotations

import pytest
import torch

from dermctl.methods.losses.nt_xent import NTXentLoss

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def dense(z0: torch.Tensor, z1: torch.Tensor, temperature: float) -> torch.Tensor:
    z = torch.nn.functional.normalize(torch.cat([z0, z1]), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    positives = torch.arange(len(z), device=z.device).roll(len(z0))
    return torch.nn.functional.cross_entropy(logits, positives)


def both_views(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    z0 = torch.randn(n, 128, device="cuda")
    return z0.requires_grad_(), (z0.detach() + 3 * torch.randn_like(z0)).requires_grad_()


@pytest.mark.parametrize("n", [3, 500, 4096])
@pytest.mark.parametrize("temperature", [0.01, 0.2])
@pytest.mark.parametrize("autocast", [False, True])
def test_value_and_gradient_as_the_dense_form_in_float64(
    n: int, temperature: float, autocast: bool
) -> None:
    z = both_views(n)
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        loss = NTXentLoss(temperature)(*z)
    loss.backward()
    exact = [view.detach().double().requires_grad_() for view in z]
    wanted = dense(*exact, temperature)
    wanted.backward()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    gradient = torch.cat([view.grad for view in z])  # type: ignore[misc]
    reference = torch.cat([view.grad for view in exact])  # type: ignore[misc]
    assert (gradient - reference).norm() < 1e-5 * reference.norm()


def peak(run: object, z: tuple[torch.Tensor, torch.Tensor]) -> int:
    for view in z:
        view.grad = None
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run(*z).backward()  # type: ignore[operator]
    return torch.cuda.max_memory_allocated() - before


def test_memory_does_not_grow_with_the_square_of_the_batch() -> None:
    loss = NTXentLoss(0.2)
    loss(*both_views(64)).backward()  # what libraries take once
    small, large = peak(loss, both_views(8192)), peak(loss, both_views(16384))
    assert large < 2.5 * small
    assert large < 0.2 * peak(lambda z0, z1: dense(z0, z1, 0.2), both_views(16384))
