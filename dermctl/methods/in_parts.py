"""A large batch through an encoder part by part: the gradient is exact, the memory is one part's.

Gradient caching (Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited
Setup, arXiv 2101.06983): embed every part without keeping what the gradient needs, take loss and
gradient of the whole batch's embeddings, then embed each part once more and carry its rows of that
gradient back. torch's checkpointing does the second and third step inside autograd, and replays the
generators, so dropout drops the same the second time; clipping, mixed precision and DDP see an
ordinary backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def embed_in_parts(
    embed: Callable[[Tensor], Tensor], images: Tensor, rows: int, *, encoder: nn.Module
) -> Tensor:
    """``embed(images)`` [R, D], at most ``rows`` images at a time.

    Args:
        embed: images [r, ...] -> embeddings [r, D].
        images: [R, ...], as small as they can be kept (uint8): they are held for the second pass.
        rows: of one part.
        encoder: what ``embed`` runs; running statistics of its batch norms are not moved twice.
    """
    if not torch.is_grad_enabled():
        return torch.cat([embed(part) for part in torch.split(images, rows)])

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), still_statistics(encoder)

    parts = [
        checkpoint(embed, part, use_reentrant=False, context_fn=contexts)
        for part in torch.split(images, rows)
    ]
    return torch.cat(parts)


def batch_norms(module: nn.Module) -> list[str]:
    """Names of the layers whose output for an image depends on the others in its batch."""
    return [name for name, layer in module.named_modules() if isinstance(layer, _BatchNorm)]


@contextmanager
def still_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms normalise by their batch as before, and leave running statistics as they are."""
    layers = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
