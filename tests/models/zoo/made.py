"""A checkpoint of a very small encoder that has seen three images, and no training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dermctl.checkpoint import Description, save_checkpoint
from dermctl.datasets.fingerprints import COLUMNS, Fingerprints
from dermctl.exposure import Exposure
from dermctl.models.encoder import build_encoder

ENCODER, SIZE = "test_vit", 32


def seen(images: int = 3, *, complete: bool = True) -> Exposure:
    """A record of so many images; the first one only chose an epoch."""
    values = np.random.default_rng(0).integers(1, 2**63, (images, len(COLUMNS)), dtype=np.uint64)
    return Exposure(Fingerprints(values), np.arange(images) > 0, complete)


def save(
    path: Path,
    *,
    exposure: Exposure | None = None,
    kind: str = "pretrain",
    classes: tuple[str, ...] = (),
    seed: int = 3,
) -> Path:
    """Write it; encoder and a head."""
    torch.manual_seed(seed)
    state = build_encoder(ENCODER, SIZE).state_dict()
    about = Description(
        kind=kind,
        encoder=ENCODER,
        image_size=SIZE,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.25, 0.3),
        crop_pct=0.95,
        interpolation="bicubic",
        crop_mode="center",
        store_size=64,
        classes=classes,
        datasets=("clinic",),
        manifests={"clinic": "cd" * 32},
        synthetic=True,
        leaks=("1 of 9 images of clinic/test were seen",),
    )
    weights = {f"encoder.{key}": value for key, value in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, about, {**weights, "projector.weight": torch.ones(2, 2)}, exposure)
    return path
