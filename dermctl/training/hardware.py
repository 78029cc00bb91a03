"""Hardware: what a training runs on, settled or refused."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

import torch

from dermctl.config.shared import ACCELERATORS
from dermctl.errors import TrainingError, UsageFault
from dermctl.machine import available_cores, cores_within_reach, free_shared
from dermctl.runs import for_other_processes, from_first_process

_MOST_LOADERS = 4 if sys.platform == "win32" else 16
"""By default: on Windows each takes memory for torch's libraries anew."""
_PREFETCHED = 2
"""Batches that a loader process makes in advance."""
_IN_USE = 2
"""Batches that lie at the training: the one of the step, and one on its way to the device."""
_SHARED_SHARE = 0.5
"""Of the free shared memory for them: decoded images may lie there too."""
_WORKERS = "DERMCTL_RUN_WORKERS"
_LIGHTNING_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


@dataclass(frozen=True)
class Hardware:
    """What a training runs on: ``accelerator`` cpu, cuda or mps; ``precision`` fp32 or bf16."""

    accelerator: str
    devices: int
    nodes: int
    precision: str

    def __str__(self) -> str:
        name = {"cpu": "CPU", "cuda": "GPU", "mps": "Apple GPU"}[self.accelerator]
        nodes = f" on each of {self.nodes} nodes" if self.nodes > 1 else ""
        plural = "s" if self.devices > 1 else ""
        what = "process" if self.accelerator == "cpu" and self.devices > 1 else ""
        what = f" {what}es" if what else plural
        return f"{self.devices} {name}{what}{nodes}, {self.precision}"


def resolve_hardware(
    accelerator: str = "auto", devices: int = 0, nodes: int = 1, precision: str = "auto"
) -> Hardware:
    """Settle ``auto`` and 0, and refuse what is not there.

    Raises:
        TrainingError: when more devices are asked for than there are, saying how many there are.
        UsageFault: an accelerator that does not exist.
    """
    if accelerator not in ACCELERATORS:
        raise UsageFault(
            f"there is no accelerator '{accelerator}'",
            hint=f"Take one of: {', '.join(ACCELERATORS)}",
        )
    gpus = torch.cuda.device_count()
    if accelerator == "auto":
        accelerator = "cuda" if gpus else "mps" if torch.backends.mps.is_available() else "cpu"
    elif accelerator == "gpu":
        if not gpus:
            raise TrainingError(
                "there is no GPU here", where="--accelerator gpu", hint="Take --accelerator cpu"
            )
        accelerator = "cuda"
    elif accelerator == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("there is no Apple GPU here", where="--accelerator mps")
    there = {"cuda": gpus, "mps": 1, "cpu": cores_within_reach()}[accelerator]
    devices = devices or (gpus if accelerator == "cuda" and sys.platform != "win32" else 1)
    if devices > there:
        names = {"cuda": "GPU", "mps": "Apple GPU", "cpu": "CPU core"}
        raise TrainingError(
            f"{devices} devices were asked for and there {'is' if there == 1 else 'are'} {there} "
            f"{names[accelerator]}{'' if there == 1 else 's'}",
            where=f"--devices {devices}",
            hint=f"Take --devices {there} or fewer",
        )
    if accelerator == "cuda":
        if devices > 1 and sys.platform == "win32":
            raise TrainingError(
                "several GPUs need NCCL, which Windows lacks",
                where=f"--devices {devices}",
                hint="Take --devices 1, or Linux in WSL",
            )
        _turn_to_own_gpu(gpus)
    if precision == "auto":
        fast = accelerator == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if fast else "fp32"
    return Hardware(accelerator, devices, nodes, precision)


def _turn_to_own_gpu(gpus: int) -> None:
    """Let each process of a training look at its own GPU, where all would take the first.

    Lightning numbers the processes it starts, SLURM those of ``srun``.
    """
    number = int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0)
    if number < gpus:  # a task may be shown a single GPU, its own
        torch.cuda.set_device(number)


def lightning_arguments(hardware: Hardware) -> dict[str, Any]:
    """What Lightning's Trainer is told in all trainings: where to run, and to leave the rest."""
    return {
        "accelerator": hardware.accelerator,
        "devices": hardware.devices,
        "num_nodes": hardware.nodes,
        "strategy": "ddp" if hardware.devices * hardware.nodes > 1 else "auto",
        "precision": _LIGHTNING_PRECISION[hardware.precision],
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "use_distributed_sampler": False,
    }


@dataclass(frozen=True)
class Loaders:
    """Loader processes of a device.

    Args:
        workers: how many.
        shared: memory in bytes that the batches of all devices here take on their way, at most.
        note: why they are fewer than would suit; empty: they are not.
    """

    workers: int
    shared: int
    note: str


def settle_loaders(asked: int, hardware: Hardware, *, images: int, size: int) -> Loaders:
    """As many as asked, else the cores shared out, but no more than shared memory has room for.

    Batches are handed over in it, and containers often have 64 MiB. On a CPU the training itself
    wants the cores: one loader beside it is enough.

    Args:
        asked: their number; below 0: what suits the machine.
        hardware: what the training runs on.
        images: in a batch of all devices, each view counted.
        size: their side in pixels.
    """
    wanted = asked if asked >= 0 else _by_cores(hardware)
    batch = 3 * size**2 * -(-images // (hardware.devices * hardware.nodes))
    told = from_first_process(_WORKERS)
    workers = _with_room(wanted, batch, hardware) if told is None else int(told)
    for_other_processes(_WORKERS, str(workers))
    note = ""
    if workers < wanted:
        note = (
            f"{workers or 'no'} loader processes in place of {wanted}: shared memory has no room "
            f"for more, each needs {_PREFETCHED * batch / 2**20:,.0f} MiB for its batches (a "
            "container gets more by docker run --shm-size 8g)"
        )
    under_way = _PREFETCHED * workers + _IN_USE if workers else 0
    return Loaders(workers, hardware.devices * under_way * batch, note)


def _with_room(wanted: int, batch: int, hardware: Hardware) -> int:
    free = free_shared()
    if free is None:
        return wanted
    batches = int(_SHARED_SHARE * free) // hardware.devices // batch
    return max(0, min(wanted, (batches - _IN_USE) // _PREFETCHED))


def _by_cores(hardware: Hardware) -> int:
    if hardware.accelerator == "cpu":
        return 1 if available_cores() > 1 else 0
    return min(_MOST_LOADERS, max(1, available_cores() // hardware.devices - 1))
