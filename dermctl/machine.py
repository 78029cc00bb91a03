"""What this process may use of its machine: cores, memory, and memory that processes share."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_SHARED = Path("/dev/shm")
_KIBIBYTE = 1024


def cores_within_reach() -> int:
    """CPU cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_cores() -> int:
    """Those that it can keep busy: a container may be given less time than it has cores."""
    shares = [share for group in _groups("cpu") if (share := _cores_of(group)) is not None]
    return max(1, min([cores_within_reach(), *map(math.ceil, shares)]))


def free_ram() -> int:
    """RAM in bytes that can be had without swapping, here and in each control group around."""
    left = [rest for group in _groups("memory") if (rest := _memory_left(group)) is not None]
    return max(0, min([int(psutil.virtual_memory().available), *left]))


def free_shared() -> int | None:
    """Shared memory in bytes, which loader processes hand batches over in; containers have little.

    None: the system has no file system for it, and so no limit of its own.
    """
    try:
        return shutil.disk_usage(_SHARED).free
    except OSError:
        return None


def peak_ram() -> int:
    """The most RAM that this process has taken so far, in bytes."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(used if sys.platform == "darwin" else used * _KIBIBYTE)


def _groups(controller: str) -> Iterator[Path]:
    """Folders of this process's control groups (version 2 and 1), from its own to the outermost.

    A batch job's limit often stands some groups above its steps' own.
    """
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = _CONTROL_GROUPS / controller if controllers else _CONTROL_GROUPS
        folder = top / own.lstrip("/")
        while top in folder.parents:  # in a container only the outermost may be there
            yield folder
            folder = folder.parent
        yield top


def _cores_of(group: Path) -> float | None:
    """Cores' worth of time that a group has; None: it is not limited, or not there."""
    with suppress(OSError, ValueError):  # "max"
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota = (group / "cpu.cfs_quota_us").read_text()
        period = (group / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    return None


def _memory_left(group: Path) -> int | None:
    """Bytes that a group may still take; None: it is not limited, or not there.

    The page cache counts as free, but for what lies in shared memory.
    """
    for limit, anonymous, shared in (
        ("memory.max", "anon", "shmem"),
        ("memory.limit_in_bytes", "total_rss", "total_shmem"),
    ):
        with suppress(OSError, ValueError):  # "max"
            most = int((group / limit).read_text())
            lines = (group / "memory.stat").read_text().splitlines()
            used = dict(line.split() for line in lines)
            return most - int(used.get(anonymous, 0)) - int(used.get(shared, 0))
    return None
