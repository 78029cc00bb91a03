"""Where the decoded images are kept during a training: on the device, in RAM, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dermctl.config.shared import CACHES
from dermctl.errors import UsageFault
from dermctl.machine import free_ram

DEVICE_SHARE = 0.3  # of the device's free memory: the training's own needs come first
RAM_SHARE = 0.5  # of the free RAM: the page cache and other processes need some too
_GIB, _MIB = 2**30, 2**20


@dataclass(frozen=True)
class CacheChoice:
    """Where decoded images are kept, and why; ``str()`` is the line to print.

    Args:
        kind: device, ram or none.
        size: of all decoded images, in bytes.
        reason: in a few words.
    """

    kind: str
    size: int
    reason: str

    def __str__(self) -> str:
        where = {
            "device": "kept on the device",
            "ram": "kept in RAM",
            "none": "decoded anew each epoch",
        }
        return f"images are {where[self.kind]}: {_in_words(self.size)} decoded, {self.reason}"


def decoded_bytes(sizes: npt.NDArray[np.integer]) -> int:
    """Memory that images of ``sizes`` [N, 2] (width, height) take when decoded, in bytes."""
    return int(3 * sizes.astype(np.int64).prod(axis=1).sum())


def choose_cache(
    asked: str,
    size: int,
    *,
    epochs: int,
    device_free: int | None = None,
    ram_free: int | None = None,
    shared: bool = False,
    passing_free: int | None = None,
) -> CacheChoice:
    """Settle ``--cache``.

    Args:
        asked: one of ``CACHES``. ``auto`` takes the device if ``DEVICE_SHARE`` of its free memory
            holds all images, and ``RAM_SHARE`` of the RAM that they pass through; else RAM if
            ``RAM_SHARE`` of it does, else none.
        size: of all decoded images, in bytes; see ``decoded_bytes``.
        epochs: of the training; for a single one nothing is worth keeping.
        device_free: free memory of the accelerator in bytes; None: there is none.
        ram_free: free RAM in bytes to keep images in; None: as the system says.
        shared: it is the memory that loader processes share, of which there may be less.
        passing_free: free RAM in bytes where images are decoded on their way to the device; None:
            ``ram_free``.

    Raises:
        UsageFault: the cache that was asked for is unknown, is not there, or is too small.
    """
    if asked not in CACHES:
        raise UsageFault(
            f"there is no cache '{asked}'",
            where="--cache",
            hint=f"Take one of: {', '.join(CACHES)}",
        )
    ram_free = free_ram() if ram_free is None else ram_free
    passing_free = ram_free if passing_free is None else passing_free
    if asked == "none":
        return CacheChoice("none", size, "as asked")
    if asked == "ram":
        return _as_asked(asked, size, ram_free, shared=shared)
    if asked == "device":
        choice = _as_asked(asked, size, device_free)
        _check_passing(size, passing_free)
        return choice
    if epochs < 2:
        return CacheChoice("none", size, "and one epoch sees each but once")
    passes = size <= RAM_SHARE * passing_free
    if device_free is not None and size <= DEVICE_SHARE * device_free and passes:
        return CacheChoice("device", size, f"{_in_words(device_free)} free there")
    if size <= RAM_SHARE * ram_free:
        return CacheChoice("ram", size, f"{_in_words(ram_free)} free there")
    name = "shared memory" if shared else "RAM"
    return CacheChoice("none", size, f"too much for the {_in_words(ram_free)} of free {name}")


def _as_asked(kind: str, size: int, free: int | None, *, shared: bool = False) -> CacheChoice:
    if free is None:
        raise UsageFault(
            "there is no accelerator to keep images on",
            where="--cache device",
            hint="Take --cache ram",
        )
    if size > free:
        raise UsageFault(
            f"{_in_words(size)} of decoded images do not fit into the {_in_words(free)} "
            f"{'of shared memory ' if shared else ''}that are free",
            where=f"--cache {kind}",
            hint="Take --cache auto, or --workers 0" if shared else "Take --cache auto",
        )
    return CacheChoice(kind, size, f"{_in_words(free)} free there, as asked")


def _check_passing(size: int, free: int) -> None:
    if size > free:
        raise UsageFault(
            f"{_in_words(size)} of decoded images pass through RAM on their way to the device, and "
            f"{_in_words(free)} of it are free for that",
            where="--cache device",
            hint="Take --cache auto",
        )


def free_device(device_type: str) -> int | None:
    """Free memory of the current CUDA device in bytes; None for any other kind."""
    if device_type != "cuda":
        return None
    import torch

    return int(torch.cuda.mem_get_info()[0])


def _in_words(size: int) -> str:
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _MIB:.1f} MiB"
