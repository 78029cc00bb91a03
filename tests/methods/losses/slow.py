"""Losses as their papers print them, one scalar at a time: slow, and nothing shared with ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Loss = Callable[..., Tensor]


def views(
    images: int, dim: int, *, noise: float = 2.0, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Two views of the same images, rows of differing lengths, alike but for noise."""
    generator = torch.Generator().manual_seed(seed)
    z0 = torch.randn(images, dim, generator=generator, dtype=torch.float64)
    z1 = 3 * z0 + noise * 3 * torch.randn(images, dim, generator=generator, dtype=torch.float64)
    return z0.to(dtype), z1.to(dtype)


def with_gradients(loss: Loss, *inputs: Tensor, **others: object) -> tuple[Tensor, Tensor]:
    """The value and, as one tensor, the gradients by all inputs."""
    leaves = [t.detach().clone().requires_grad_() for t in inputs]
    value = loss(*leaves, **others)
    value.backward()
    return value.detach(), torch.cat([leaf.grad for leaf in leaves])


def distance(a: Tensor, b: Tensor) -> float:
    """|a - b| / |b|, in float64."""
    a, b = a.double(), b.double()
    return ((a - b).norm() / b.norm()).item()


def nt_xent(
    z0: Tensor, z1: Tensor, temperature: float, groups: Sequence[int] | None = None
) -> Tensor:
    """Algorithm 1 of arXiv:2002.05709, with its numbering from 1: z[2k-1] and z[2k] are a pair."""
    n = len(z0)
    z = {2 * k - 1: z0[k - 1] for k in range(1, n + 1)} | {
        2 * k: z1[k - 1] for k in range(1, n + 1)
    }

    def s(i: int, j: int) -> Tensor:
        return z[i] @ z[j] / (z[i].norm() * z[j].norm())

    def counts(i: int, k: int) -> bool:
        if k == i:
            return False
        image_i, image_k = (i - 1) // 2, (k - 1) // 2
        return groups is None or image_i == image_k or groups[image_i] != groups[image_k]

    def loss(i: int, j: int) -> Tensor:
        denominator = sum(
            torch.exp(s(i, k) / temperature) for k in range(1, 2 * n + 1) if counts(i, k)
        )
        return -torch.log(torch.exp(s(i, j) / temperature) / denominator)

    return sum(loss(2 * k - 1, 2 * k) + loss(2 * k, 2 * k - 1) for k in range(1, n + 1)) / (2 * n)


def supcon(
    z: Tensor, labels: Sequence[int], temperature: float, groups: Sequence[int] | None = None
) -> Tensor:
    """Equation 2 of arXiv:2004.11362, over the rows that have a positive.

    Rows of one's group and of another class are left out of A(i), the rows compared with.
    """

    def compared(i: int, a: int) -> bool:
        return a != i and (groups is None or labels[a] == labels[i] or groups[a] != groups[i])

    z = torch.stack([row / row.norm() for row in z])
    rows, losses = range(len(z)), []
    for i in rows:
        positives = [p for p in rows if p != i and labels[p] == labels[i]]
        denominator = sum(torch.exp(z[i] @ z[a] / temperature) for a in rows if compared(i, a))
        terms = [torch.log(torch.exp(z[i] @ z[p] / temperature) / denominator) for p in positives]
        if positives:
            losses.append(-sum(terms) / len(positives))
    return sum(losses) / len(losses)


def vicreg(z0: Tensor, z1: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """Equations 1 to 6 of arXiv:2105.04906, the variance terms averaged, distances by feature."""
    n, d = z0.shape

    def covariance(z: Tensor, i: int, j: int) -> Tensor:
        a, b = z[:, i] - sum(z[:, i]) / n, z[:, j] - sum(z[:, j]) / n
        return sum(a[k] * b[k] for k in range(n)) / (n - 1)

    def v(z: Tensor) -> Tensor:
        return sum((1 - (covariance(z, j, j) + 1e-4).sqrt()).clamp(min=0) for j in range(d)) / d

    def c(z: Tensor) -> Tensor:
        return sum(covariance(z, i, j) ** 2 for i in range(d) for j in range(d) if i != j) / d

    s = sum((z0[i, j] - z1[i, j]) ** 2 for i in range(n) for j in range(d)) / (n * d)
    return weights[0] * s + weights[1] * (v(z0) + v(z1)) / 2 + weights[2] * (c(z0) + c(z1))


def barlow_twins(z0: Tensor, z1: Tensor, redundancy: float) -> Tensor:
    """Equations 1 and 2 of arXiv:2103.03230, variances with the 1e-5 of a batch norm."""
    n, d = z0.shape

    def standardised(z: Tensor, j: int) -> list[Tensor]:
        mean = sum(z[:, j]) / n
        variance = sum((value - mean) ** 2 for value in z[:, j]) / n
        return [(value - mean) / (variance + 1e-5).sqrt() for value in z[:, j]]

    total = torch.zeros((), dtype=z0.dtype)
    for i in range(d):
        for j in range(d):
            a, b = standardised(z0, i), standardised(z1, j)
            c = sum(x * y for x, y in zip(a, b, strict=True)) / n
            total = total + ((1 - c) ** 2 if i == j else redundancy * c**2)
    return total
