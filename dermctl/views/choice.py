"""From what is asked for and what there is to the dataset that makes a training's views."""

from __future__ import annotations

import torch

from dermctl.progress import SILENT, Progress
from dermctl.views.cache import CacheChoice
from dermctl.views.decoded import decode_all
from dermctl.views.images import Images
from dermctl.views.packed import ViewsDataset
from dermctl.views.resident import ResidentDataset
from dermctl.views.spec import AugmentationSpec


def views_dataset(
    images: Images,
    spec: AugmentationSpec,
    size: int,
    *,
    cache: CacheChoice,
    device: torch.device,
    seed: int = 0,
    count: int = 2,
    threads: int = 1,
    progress: Progress = SILENT,
) -> ViewsDataset | ResidentDataset:
    """The fastest dataset of views for this cache and device.

    With a GPU and no cache on it, loader processes only cut and resize: hand each batch, once it
    lies on the GPU, to ``dermctl.views.device.finish``.

    Args:
        images, spec, size, seed, count: as in ``ViewsDataset``.
        cache: of ``dermctl.views.cache.choose_cache``.
        device: that is trained on.
        threads: decoders, where all images are decoded first.
    """
    finish = device.type == "cpu"
    if cache.kind == "none":
        return ViewsDataset(images, spec, size, seed=seed, count=count, finish=finish)
    decoded = decode_all(images, threads=threads, progress=progress)
    if cache.kind == "ram":
        return ViewsDataset(decoded.share(), spec, size, seed=seed, count=count, finish=finish)
    return ResidentDataset(decoded.to(device), spec, size, seed=seed, count=count)
