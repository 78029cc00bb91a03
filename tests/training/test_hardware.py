"""Hardware is settled, or refused with what there is."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dermctl.errors import TrainingError, UsageFault
from dermctl.training import Hardware, hardware, resolve_hardware, settle_loaders

CPU = Hardware("cpu", 1, 1, "fp32")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Pretend to be a machine with these devices; the GPUs that are turned to are noted."""
    turned_to: list[int] = []

    def pretend(gpus: int = 0, cores: int = 4, bf16: bool = True, mps: bool = False) -> list[int]:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bf16)
        monkeypatch.setattr(torch.cuda, "set_device", turned_to.append)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(hardware, "available_cores", lambda: cores)
        monkeypatch.setattr(hardware, "cores_within_reach", lambda: cores)
        return turned_to

    return pretend


def test_auto_takes_all_gpus_else_one_cpu(machine: Any) -> None:
    machine(gpus=4)
    assert resolve_hardware() == Hardware("cuda", 4, 1, "bf16")
    assert str(resolve_hardware()) == "4 GPUs, bf16"
    machine(gpus=1, bf16=False)
    assert resolve_hardware() == Hardware("cuda", 1, 1, "fp32")
    machine()
    assert resolve_hardware() == Hardware("cpu", 1, 1, "fp32")
    assert str(resolve_hardware()) == "1 CPU, fp32"
    machine(mps=True)
    assert resolve_hardware().accelerator == "mps"
    assert resolve_hardware("cpu").accelerator == "cpu"


def test_what_is_asked_for_is_taken(machine: Any) -> None:
    machine(gpus=4)
    found = resolve_hardware("gpu", devices=2, nodes=3, precision="fp32")
    assert found == Hardware("cuda", 2, 3, "fp32")
    assert str(found) == "2 GPUs on each of 3 nodes, fp32"
    assert str(resolve_hardware("cpu", devices=2)) == "2 CPU processes, fp32"


@pytest.mark.parametrize(
    ("accelerator", "devices", "gpus", "parts"),
    [
        ("auto", 5, 4, ("5 devices", "4 GPUs", "--devices 4 or fewer")),
        ("gpu", 2, 1, ("2 devices", "is 1 GPU ", "--devices 1 or fewer")),
        ("cpu", 9, 0, ("9 devices", "4 CPU cores", "--devices 4 or fewer")),
        ("gpu", 0, 0, ("no GPU", "--accelerator cpu")),
        ("mps", 0, 0, ("no Apple GPU",)),
    ],
)
def test_what_is_not_there_is_refused(
    machine: Any, accelerator: str, devices: int, gpus: int, parts: tuple[str, ...]
) -> None:
    machine(gpus=gpus)
    with pytest.raises(TrainingError) as caught:
        resolve_hardware(accelerator, devices)
    for part in parts:
        assert part in f"{caught.value} "


@pytest.mark.parametrize("accelerator", ["tpu", "cuda", "CPU", ""])
def test_an_accelerator_that_does_not_exist(accelerator: str) -> None:
    with pytest.raises(UsageFault, match="accelerator") as caught:
        resolve_hardware(accelerator)
    assert "auto, cpu, gpu, mps" in str(caught.value)


def loaders(asked: int, on: Hardware, images: int = 8) -> int:
    return settle_loaders(asked, on, images=images, size=32).workers


def test_loader_processes(machine: Any) -> None:
    machine(gpus=4, cores=16)
    gpus = Hardware("cuda", 4, 1, "bf16")
    assert loaders(7, gpus) == 7
    assert loaders(0, gpus) == 0
    assert loaders(-1, gpus) == 3
    assert loaders(-1, Hardware("cuda", 1, 1, "bf16")) == 15
    assert loaders(-1, CPU) == 1
    machine(cores=1)
    assert loaders(-1, CPU) == 0
    machine(gpus=8, cores=4)
    assert loaders(-1, Hardware("cuda", 8, 1, "bf16")) == 1


def test_batches_on_their_way_fit_into_shared_memory(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(gpus=4, cores=16)
    picture = 3 * 32 * 32
    there = 2 * (3 * 2 + 2) * 8 * picture  # half of it for three processes and the training
    monkeypatch.setattr(hardware, "free_shared", lambda: there)
    one = Hardware("cuda", 1, 1, "bf16")
    fits = settle_loaders(3, one, images=8, size=32)
    assert (fits.workers, fits.shared, fits.note) == (3, there // 2, "")
    for asked, wanted in ((4, 4), (-1, 15)):
        fewer = settle_loaders(asked, one, images=8, size=32)
        assert (fewer.workers, fewer.shared) == (3, there // 2)
        assert fewer.note.startswith(f"3 loader processes in place of {wanted}: shared memory")
    assert loaders(4, one, images=9) == 2
    assert loaders(4, Hardware("cuda", 2, 1, "bf16")) == 3  # half of the batch, half of the memory
    assert loaders(4, Hardware("cuda", 2, 2, "bf16")) == 4
    none = settle_loaders(1, one, images=40, size=32)
    assert (none.workers, none.shared) == (0, 0)
    assert none.note.startswith("no loader processes in place of 1")
    monkeypatch.setattr(hardware, "free_shared", lambda: None)  # no file system for it
    assert loaders(40, one) == 40


def test_other_ranks_take_over_what_the_first_has_settled(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(gpus=2, cores=16)
    two = Hardware("cuda", 2, 1, "bf16")
    monkeypatch.setattr(hardware, "free_shared", lambda: 2**30)
    assert loaders(4, two) == 4
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(hardware, "free_shared", lambda: 0)  # rank 0's images lie there now
    assert loaders(4, two) == 4
    monkeypatch.delenv("DERMCTL_RUN_WORKERS")  # started by something else than rank 0
    assert loaders(4, two) == 0


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, 0),
        ({"LOCAL_RANK": "3"}, 3),
        ({"SLURM_LOCALID": "2"}, 2),
        ({"LOCAL_RANK": "1", "SLURM_LOCALID": "0"}, 1),  # started by Lightning in a SLURM job
        ({"SLURM_LOCALID": "7"}, None),  # a task that is shown its own GPU alone
    ],
)
def test_each_process_looks_at_its_own_gpu(
    machine: Any, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: int | None
) -> None:
    turned_to = machine(gpus=4)
    for name in ("LOCAL_RANK", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    resolve_hardware("gpu")
    assert turned_to == ([] if wanted is None else [wanted])
    resolve_hardware("cpu")
    assert len(turned_to) <= 1
