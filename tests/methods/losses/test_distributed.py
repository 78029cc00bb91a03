"""Two processes of some images each against one process of all: the same loss and gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing

from dermctl.methods.losses import gather
from dermctl.methods.losses.gather import (
    all_labels,
    all_rows,
    equal_shares,
    gather_counts,
    process_count,
    process_rank,
)
from tests.methods.losses.slow import distance
from tests.methods.losses.two_processes import CASES, EVEN, IMAGES, Case, encoder, process, step


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each process got, by case: one start of two processes serves all tests."""
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(process, args=(str(folder),), nprocs=2)
    return [torch.load(Path(folder) / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_two_processes_are_as_one(case: Case, results: list[dict[str, Any]]) -> None:
    expected, expected_gradient = step(case, encoder(), slice(IMAGES))
    for of_process in results:
        value, gradient = of_process[str(case)]
        assert value == pytest.approx(expected, rel=1e-5)
        assert distance(gradient, expected_gradient) < 1e-5


def test_without_gathering_each_process_is_on_its_own(results: list[dict[str, Any]]) -> None:
    case = Case("nt_xent", EVEN)
    for rank, of_process in enumerate(results):
        value, gradient = of_process["alone"]
        expected, expected_gradient = step(case, encoder(), slice(5 * rank, 5 * rank + 5))
        assert value == pytest.approx(expected, rel=1e-6)
        assert distance(gradient, expected_gradient) < 1e-6


def test_triplets_drawn_at_random_are_those_of_all_processes(results: list[dict[str, Any]]) -> None:
    one, other = (of_process["drawn"] for of_process in results)
    assert one == other
    assert one > 0


def test_different_widths_are_refused_by_all(results: list[dict[str, Any]]) -> None:
    for of_process in results:
        assert "different widths: [3, 4]" in of_process["complaint"]


def test_equal_shares_are_asked_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def all_gather(received: list[torch.Tensor], mine: torch.Tensor) -> None:
        asked.append(mine.tolist())
        for one in received:
            one.copy_(mine)

    monkeypatch.setattr(gather, "process_count", lambda: 2)
    monkeypatch.setattr(gather, "_agreed", set())
    monkeypatch.setattr(gather.dist, "all_gather", all_gather)
    for _ in range(2):
        with equal_shares():
            assert gather_counts(torch.ones(3, 2), where="here") == [3, 3]
    assert asked == [[3, 2]]
    with equal_shares():
        assert gather_counts(torch.ones(4, 2), where="here") == [4, 4]
    assert gather_counts(torch.ones(4, 2), where="here") == [4, 4]  # of validation, say
    assert asked == [[3, 2], [4, 2], [4, 2]]


def test_outside_distributed_training_rows_stay_as_they_are() -> None:
    rows, labels = torch.ones(3, 2), torch.arange(3)
    assert (process_count(), process_rank()) == (1, 0)
    assert all_rows(rows, where="here") is rows
    assert all_labels(labels, where="here") is labels
