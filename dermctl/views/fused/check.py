"""Whether the kernels work on a device, found out on it: before a training relies on them."""

from __future__ import annotations

import numpy as np
import torch

from dermctl.errors import in_a_line
from dermctl.views.batches import Batch
from dermctl.views.decoded import DecodedImages
from dermctl.views.resident import ResidentDataset
from dermctl.views.spec import AugmentationSpec

_APART = 1  # grey level: a sum of colours that lies between two may be rounded to either


def fault_of_kernels(spec: AugmentationSpec, size: int, device: torch.device) -> str | None:
    """Make views of drawn images, small and large, by the kernels and by plain torch, and compare.

    The kernels are compiled for this augmentation and size by it, and need not be later.

    Returns:
        What is wrong, in words; None: nothing is.
    """
    try:
        plain, fused = (_views(spec, size, device, fused=fused).int() for fused in (False, True))
    except Exception as error:  # whatever keeps a compiler or a driver from it
        return in_a_line(error)
    apart = int((plain - fused).abs().max())
    return None if apart <= _APART else f"they are {apart} grey levels from plain torch's views"


def _views(spec: AugmentationSpec, size: int, device: torch.device, *, fused: bool) -> torch.Tensor:
    sizes = np.array(
        [[size + 9, size + 4], [3 * size, 2 * size + 1], [6 * size, 5 * size]], np.int64
    )
    pixels = np.random.default_rng(0).integers(0, 256, (int(sizes.prod(axis=1).sum()), 3), np.uint8)
    images = DecodedImages(torch.from_numpy(pixels), sizes, np.arange(len(sizes), dtype=np.uint64))
    views = ResidentDataset(images.to(device), spec, size, count=4, fused=fused)
    return views.__getitems__(Batch(0, list(range(len(sizes)))))["views"]
