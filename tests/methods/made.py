"""A tiny encoder and description for the tests of methods."""

from __future__ import annotations

import torch
from torch import nn

from dermctl.checkpoint import Description

OPTIMIZER = {"optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.05, "warmup": 0.1}


def about(classes: tuple[str, ...] = ()) -> Description:
    """Of a model of 8-pixel images."""
    return Description(
        kind="finetune" if classes else "pretrain",
        encoder="tiny",
        image_size=8,
        mean=(0.5, 0.4, 0.3),
        std=(0.3, 0.2, 0.1),
        crop_pct=1.0,
        interpolation="bilinear",
        crop_mode="center",
        store_size=8,
        classes=classes,
    )


def tiny_encoder(width: int = 6) -> nn.Module:
    """Images [B, 3, 8, 8] -> [B, width]."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, width, 4, 4), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


def pictures(*shape: int) -> torch.Tensor:
    """Seeded uint8 pictures [*shape, 8, 8, 3]."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (*shape, 8, 8, 3), dtype=torch.uint8, generator=generator)


def normalized(images: torch.Tensor) -> torch.Tensor:
    """As torchvision says it: to 0..1, minus the mean, over the deviation; channels first."""
    from torchvision.transforms.functional import normalize

    plain = images.permute(0, 3, 1, 2).float() / 255
    return normalize(plain, list(about().mean), list(about().std))
