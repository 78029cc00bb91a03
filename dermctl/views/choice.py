"""From what is asked for and what there is to the dataset that makes a training's views."""

from __future__ import annotations

from dermctl.progress import SILENT, Progress
from dermctl.views.augmentation import Augmentation
from dermctl.views.cache import CacheChoice
from dermctl.views.decoded import DecodedImages, decode_all
from dermctl.views.images import Images
from dermctl.views.packed import MakesViews, ViewsDataset
from dermctl.views.resident import ResidentDataset
from dermctl.views.spec import AugmentationSpec


def cached(
    images: Images,
    cache: CacheChoice,
    *,
    threads: int = 1,
    shared: bool = True,
    progress: Progress = SILENT,
) -> Images:
    """The images as the cache wants them: decoded, or as they are.

    Those for ``device`` are decoded in RAM: ``DecodedImages.move`` takes them to a device once a
    process knows its own.

    Args:
        threads: decoders at work.
        shared: put those for ``ram`` where loader processes read them.

    Raises:
        DataError: an image cannot be read.
    """
    if cache.kind == "none":
        return images
    shared = shared and cache.kind == "ram"
    return decode_all(images, threads=threads, shared=shared, progress=progress)


def views_dataset(
    images: Images,
    augmentation: Augmentation,
    size: int,
    *,
    cache: CacheChoice,
    finish: bool = True,
    fused: bool = False,
    seed: int = 0,
    count: int = 2,
) -> MakesViews:
    """The fastest dataset of views for this augmentation and cache.

    Args:
        images: of ``cached``.
        augmentation: a spec, or a list of torchvision transforms for the slow path.
        size, seed, count: as in ``ViewsDataset``.
        cache: of ``dermctl.views.cache.choose_cache``.
        finish: False: loader processes only cut and resize; hand each batch, once it lies on the
            device, to ``dermctl.views.device.finish``.
        fused: what the device makes by itself it makes by ``dermctl.views.fused``.

    Raises:
        ConfigError: a transform that torchvision lacks.
    """
    if not isinstance(augmentation, AugmentationSpec):
        from dermctl.views.slow import SlowViewsDataset, build_transforms

        transform = build_transforms(augmentation)
        return SlowViewsDataset(images, transform, size, seed=seed, count=count)
    if cache.kind == "device" and isinstance(images, DecodedImages):
        return ResidentDataset(images, augmentation, size, seed=seed, count=count, fused=fused)
    return ViewsDataset(images, augmentation, size, seed=seed, count=count, finish=finish)
