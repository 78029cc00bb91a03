"""Two processes of half a batch each train as one of the whole: loss and gradient, every method."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch import Tensor

from tests.methods.two_processes import CASES, IMAGES, process, step


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[float, Tensor]]]:
    """What each process got: one start of two processes serves all cases."""
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(process, args=(str(folder),), nprocs=2)
    return [torch.load(Path(folder) / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)), ids=[str(case) for case in CASES])
def test_two_processes_are_as_one(number: int, results: list[list[tuple[float, Tensor]]]) -> None:
    method, loss, _ = CASES[number]
    wanted, gradient = step((method, loss, 0), slice(IMAGES), ddp=False)
    assert gradient.norm() > 1e-4, "there must be something to compare"
    for of_process in results:
        value, ours = of_process[number]
        assert value == pytest.approx(wanted, rel=1e-5), "what is logged is the whole batch's loss"
        assert (ours - gradient).norm() < 1e-5 * gradient.norm()
