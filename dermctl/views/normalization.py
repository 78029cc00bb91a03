"""Normalisation: the one home of its constants, and the step from stored to floating pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # loader processes read the constants and must not wait for torch
    import torch

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's red, green and blue, for pixels in 0..1: the default of torchvision models."""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of the same."""

MAX_PIXEL = 255.0


def to_float(
    images: torch.Tensor,
    mean: torch.Tensor | Sequence[float] = IMAGENET_MEAN,
    std: torch.Tensor | Sequence[float] = IMAGENET_STD,
) -> torch.Tensor:
    """Normalise pixels on the device that they lie on.

    Args:
        images: uint8 (or float in 0..255) [..., H, W, 3].
        mean: per channel, for pixels in 0..1.
        std: likewise.

    Returns:
        float32 [..., 3, H, W] in the channels-last memory format of the input: no copy is made for
        the change of axes.
    """
    import torch

    scale = MAX_PIXEL * torch.as_tensor(std, dtype=torch.float32, device=images.device)
    shift = torch.as_tensor(mean, dtype=torch.float32, device=images.device) * MAX_PIXEL
    return ((images.to(torch.float32) - shift) / scale).movedim(-1, -3)
