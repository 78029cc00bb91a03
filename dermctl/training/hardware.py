"""Hardware: what a training runs on, settled or refused."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch

from dermctl.config.shared import ACCELERATORS
from dermctl.datasets.pool import available_cores as available_cores  # also named here
from dermctl.errors import TrainingError, UsageFault

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
    there = {"cuda": gpus, "mps": 1, "cpu": available_cores()}[accelerator]
    devices = devices or (gpus if accelerator == "cuda" else 1)
    if devices > there:
        names = {"cuda": "GPU", "mps": "Apple GPU", "cpu": "CPU core"}
        raise TrainingError(
            f"{devices} devices were asked for and there {'is' if there == 1 else 'are'} {there} "
            f"{names[accelerator]}{'' if there == 1 else 's'}",
            where=f"--devices {devices}",
            hint=f"Take --devices {there} or fewer",
        )
    if accelerator == "cuda":
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


def loader_workers(asked: int, hardware: Hardware) -> int:
    """Loader processes a device: as asked, else the cores shared out, at most 16.

    On a CPU the training itself wants the cores: one loader beside it is enough.
    """
    if asked >= 0:
        return asked
    if hardware.accelerator == "cpu":
        return 1 if available_cores() > 1 else 0
    return min(16, max(1, available_cores() // hardware.devices - 1))
