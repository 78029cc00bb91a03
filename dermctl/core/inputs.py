"""What makes the views of a training: its augmentation, and where decoded images are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dermctl.datasets.packing import packed_sizes
from dermctl.datasets.prepared import Split
from dermctl.errors import ConfigError, UsageFault
from dermctl.machine import available_cores, free_ram, free_shared
from dermctl.progress import SILENT, Progress
from dermctl.runs import for_other_processes, from_first_process
from dermctl.training.hardware import Hardware
from dermctl.views.augmentation import Augmentation, read_augmentation, to_plain
from dermctl.views.cache import (
    CacheChoice,
    choose_cache,
    decoded_bytes,
    free_device,
)
from dermctl.views.choice import cached, views_dataset
from dermctl.views.decoded import DecodedImages
from dermctl.views.fused.check import fault_of_kernels
from dermctl.views.images import Images, StoredImages
from dermctl.views.packed import MakesViews
from dermctl.views.spec import AugmentationSpec

_CACHE = "DERMCTL_RUN_CACHE"


@dataclass(frozen=True)
class Inputs:
    """Settled once for all datasets of views of a training.

    Args:
        augmentation: a spec, or a list of torchvision transforms.
        cache: where decoded images are kept.
        size: side of a view in pixels.
        finish: False: the device does colour and blur.
        fused: what the device does it does by ``dermctl.views.fused``.
        threads: decoders at work where images are kept.
        shared: loader processes read the images that are kept in RAM.
        progress: where decoding is reported.
    """

    augmentation: Augmentation
    cache: CacheChoice
    size: int
    finish: bool
    fused: bool = False
    threads: int = 1
    shared: bool = True
    progress: Progress = SILENT
    resident: list[DecodedImages] = field(default_factory=list)
    """Decoded images that the training's data module takes to the device."""

    def images(self, stored: StoredImages) -> Images:
        """The images of ``dermctl.core.loading.stored_images``, decoded where the cache wants it.

        Raises:
            DataError: an image cannot be decoded.
        """
        images = cached(
            stored, self.cache, threads=self.threads, shared=self.shared, progress=self.progress
        )
        if self.cache.kind == "device" and isinstance(images, DecodedImages):
            self.resident.append(images)
        return images

    def views(self, images: Images, *, count: int, seed: int) -> MakesViews:
        """``count`` views of each of ``images``, drawn from ``seed``."""
        return views_dataset(
            images,
            self.augmentation,
            self.size,
            cache=self.cache,
            finish=self.finish,
            fused=self.fused,
            seed=seed,
            count=count,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for the run's provenance."""
        return {"augmentation": to_plain(self.augmentation), "cache": str(self.cache)}


def settle_inputs(
    augmentation: str,
    cache: str,
    splits: Sequence[Split],
    *,
    size: int,
    epochs: int,
    workers: int,
    hardware: Hardware,
    shared: int = 0,
    compiled: bool = False,
    progress: Progress = SILENT,
) -> Inputs:
    """Read the augmentation and choose the cache; the choice and its size are said.

    Args:
        augmentation: see ``read_augmentation``.
        cache: one of ``dermctl.config.shared.CACHES``.
        splits: all that are read in each epoch.
        size: side of a view in pixels.
        workers: loader processes a device; without any, nothing need lie in shared memory.
        shared: bytes of it that their batches take.
        compiled: on a GPU, make views by kernels of our own, if they hold there.

    Raises:
        ConfigError: an augmentation that cannot be.
        UsageFault: a cache that is not there, is too small or does not fit the augmentation.
    """
    asked = read_augmentation(augmentation)
    slow = isinstance(asked, list)
    if slow and cache == "device":
        raise UsageFault(
            "a list of torchvision transforms runs on the CPU, not on images on a device",
            where="--cache device",
            hint="Take --cache ram",
        )
    if isinstance(asked, list):
        _try_list(asked, size, splits, augmentation)
    size_decoded = decoded_bytes(_sizes(splits))
    kind = from_first_process(_CACHE)
    if kind is None:
        each = free_ram() // hardware.devices
        left = _left_of_shared(shared) // hardware.devices if workers else each
        choice = choose_cache(
            cache,
            size_decoded,
            epochs=epochs,
            device_free=None if slow else _device_free(cache, hardware),
            ram_free=min(each, left),
            shared=left < each,
            passing_free=each,
        )
    else:
        choice = CacheChoice(kind, size_decoded, "as in the first process")
    for_other_processes(_CACHE, choice.kind)
    progress.say(str(choice))
    warn_of_enlarging(size, splits, progress)
    return Inputs(
        asked,
        choice,
        size,
        finish=hardware.accelerator == "cpu",
        fused=compiled and _kernels_hold(asked, size, hardware, progress),
        shared=workers > 0,
        threads=max(1, available_cores() // hardware.devices),
        progress=progress,
    )


def _try_list(steps: list[object], size: int, splits: Sequence[Split], path: str) -> None:
    from dermctl.views.slow import try_transforms

    try:
        try_transforms(steps, size, max(int(split.description["size"]) for split in splits))
    except ConfigError as error:
        raise ConfigError(error.what, where=path, hint=error.hint) from error


def _kernels_hold(
    augmentation: Augmentation, size: int, hardware: Hardware, progress: Progress
) -> bool:
    """Whether a GPU is to make views by kernels; said, where they do not work there."""
    if hardware.accelerator != "cuda" or not isinstance(augmentation, AugmentationSpec):
        return False
    fault = fault_of_kernels(augmentation, size, torch.device("cuda"))
    if fault is not None:
        progress.say(
            f"views are made by plain torch, which takes longer: the kernels fail here ({fault})"
        )
    return fault is None


def _sizes(splits: Sequence[Split]) -> npt.NDArray[np.int64]:
    """Width and height of the packed images, by the manifests: no image is opened for it."""
    sizes = []
    for split in splits:
        original = [np.asarray(split.table.column(name)) for name in ("width", "height")]
        sizes.append(packed_sizes(np.stack(original, axis=1), int(split.description["size"])))
    return np.concatenate(sizes)


def _device_free(cache: str, hardware: Hardware) -> int | None:
    """Where the training is on the CPU its RAM serves as the device, if that is asked for."""
    if hardware.accelerator == "cpu" and cache == "device":
        return free_ram() // hardware.devices
    return free_device(hardware.accelerator)


def _left_of_shared(batches: int) -> int:
    """Where images can lie that loader processes read, beside batches on their way."""
    free = free_shared()
    return free_ram() if free is None else max(0, free - batches)


def warn_of_enlarging(size: int, splits: Sequence[Split], progress: Progress) -> None:
    """Say where images would be shown larger than they were packed, and what to type."""
    for split in {split.folder: split for split in splits}.values():  # one line a dataset
        packed = int(split.description["size"])
        if size > packed:
            progress.say(
                f"warning: '{split.folder.name}' is packed at {packed} px, and {size} px are "
                f"enlarged from it: dermctl data prepare {split.description['source']} … "
                f"--name {split.folder.name} --size {size}"
            )
