"""Mixup (arXiv 1710.09412) and CutMix (arXiv 1905.04899): batches mixed with themselves."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.transforms import v2


class Mixing(nn.Module):
    """Mixes each training batch with a shuffled copy of itself, images and labels alike.

    torchvision's transforms do it; where both are asked for, each batch takes one of them, by
    chance. The randomness is PyTorch's.

    Args:
        mixup: α of the Beta distribution that the share of the other image is drawn from; 0: off.
        cutmix: likewise, for the share of the area.
        classes: C.
    """

    def __init__(self, mixup: float, cutmix: float, classes: int) -> None:
        super().__init__()
        chosen: list[nn.Module] = []
        if mixup:
            chosen.append(v2.MixUp(alpha=mixup, num_classes=classes))
        if cutmix:
            chosen.append(v2.CutMix(alpha=cutmix, num_classes=classes))
        self._mix = v2.RandomChoice(chosen) if chosen else None

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images [B, 3, H, W] and labels [B] -> images and shares [B, C]; as they are if off."""
        if self._mix is None:
            return images, labels
        mixed: tuple[torch.Tensor, torch.Tensor] = self._mix(images, labels)
        return mixed
