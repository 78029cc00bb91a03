"""A loss whose gradient was made along with it, as one differentiable function."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class LossAndGradient(Protocol):
    """Computes a loss of two views, and its gradient where it is asked for."""

    def __call__(
        self, z0: Tensor, z1: Tensor, *, with_gradient: bool
    ) -> tuple[Tensor, Tensor | None]:
        """[N, D] each -> (loss, a scalar; gradient [2N, D] of view 0, then of view 1)."""


class _Context(Protocol):
    dtypes: tuple[torch.dtype, torch.dtype]
    needs_input_grad: tuple[bool, ...]
    saved_tensors: tuple[Tensor, ...]

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...


class LossWithReadyGradient(torch.autograd.Function):
    """(z0 [N, D], z1 [N, D], how loss and gradient are computed) -> loss.

    A loss is the last step forward and the first one back. Made at once, its gradient needs
    nothing handed over but itself, and similarities are freed before anything goes back.
    """

    @staticmethod
    def forward(ctx: _Context, z0: Tensor, z1: Tensor, compute: LossAndGradient) -> Tensor:
        """Compute both."""
        loss, gradient = compute(z0, z1, with_gradient=any(ctx.needs_input_grad))
        ctx.save_for_backward(gradient)
        ctx.dtypes = z0.dtype, z1.dtype
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: _Context, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradient by what comes from above."""
        of_view0, of_view1 = (ctx.saved_tensors[0] * upstream).chunk(2)
        return of_view0.to(ctx.dtypes[0]), of_view1.to(ctx.dtypes[1]), None
