"""A dry run: a few steps as they would be made, timed, and nothing left behind."""

from __future__ import annotations

import json
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dermctl.errors import TrainingError
from dermctl.training import DryRun, rehearsal, rehearse
from tests.training.made import BATCH, CPU, STEPS, Loaders, Module

EPOCHS = 5


def rehearsed(module: Module, **more: Any) -> DryRun:
    return rehearse(
        module, Loaders(), CPU, what="try", epochs=EPOCHS, batch_size=BATCH, seed=0, **more
    )


def test_one_validation_batch_and_a_few_steps_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[tuple[str, int]] = []
    module = Module(lambda phase, step: seen.append((phase, step)))
    found = rehearsed(module)
    assert seen == [("val", 0), *(("train", step) for step in range(1 + rehearsal.TIMED))]
    assert list(tmp_path.iterdir()) == []
    assert found.steps == STEPS * EPOCHS
    assert found.parameters == 4 * 8 + 8 + 8 + 1
    assert (found.what, found.hardware, found.trainings) == ("try", "1 CPU, fp32", 1)
    assert json.loads(json.dumps(found.to_json()))["memory_bytes"] == found.memory_bytes > 0


def test_the_first_step_warms_up_and_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = chain([0.0, 100.0, 102.0, 105.0], repeat(1e9))
    monkeypatch.setattr(rehearsal, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    found = rehearsed(Module())
    assert found.images_per_second == pytest.approx(BATCH / 2.5)
    assert found.seconds == pytest.approx(STEPS * EPOCHS * 2.5)


def test_what_is_frozen_is_not_counted() -> None:
    module = Module()
    module.layers[0].requires_grad_(False)
    assert rehearsed(module).parameters == 8 + 1


def test_the_schedule_is_that_of_the_whole_training() -> None:
    planned: list[float] = []

    class Asks(Module):
        def configure_optimizers(self) -> Any:
            planned.append(self.trainer.estimated_stepping_batches)
            return super().configure_optimizers()

    rehearsed(Asks())
    assert planned == [STEPS * EPOCHS]


def test_a_fault_is_named_as_in_the_training() -> None:
    def full(phase: str, step: int) -> None:
        if (phase, step) == ("train", 1):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(TrainingError, match="the memory of the device is full"):
        rehearsed(Module(full))
