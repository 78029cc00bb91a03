"""The benchmark of the GPU runs on a CPU and a tiny model too: its own code is held so."""

from __future__ import annotations

import json

import pytest
import torch

from tests.benchmarks import gpu_step

SMALL = (
    "--accelerator cpu --encoders test_vit --image-size 32 --batch-size 4 --images 12 --workers 0 "
    "--rounds 2 --matrix 32 --products 2 --profile 3 --json"
)


@pytest.mark.slow
def test_it_measures_all_that_it_promises(capsys: pytest.CaptureFixture[str]) -> None:
    gpu_step.main(SMALL.split())
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(lines[-1])
    assert {"test_vit_share_of_matrix_rate", "test_vit_input_share"} <= set(figures)
    if not any("lightly is not installed" in line for line in lines):
        assert "test_vit_vs_lightly" in figures
    for figure in figures.values():
        assert figure["rounds"] == 2
        assert 0 < figure["min"] <= figure["ratio"] <= figure["max"]
        assert figure["ours"] > 0
        assert figure["peer"] > 0
    assert any("Self CPU" in line for line in lines), "the profiler's table"


def test_without_a_gpu_nothing_is_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    gpu_step.main([])
    assert capsys.readouterr().out == "no CUDA device here: nothing is measured\n"


def test_operations_are_those_of_a_vit() -> None:
    """Counted by hand: 3 times the forward products, less the gradient of the image itself."""
    tokens, width, depth, hidden = 5, 64, 6, 192  # test_vit at 32 px: 4 patches and a class token
    patches = 4 * (16 * 16 * 3) * width
    block = tokens * width * (4 * width + 2 * hidden) + 2 * tokens * tokens * width
    head = width * gpu_step.HIDDEN + gpu_step.HIDDEN * gpu_step.OUT
    by_hand = 2 * (3 * (depth * block + head) + 2 * patches)
    assert gpu_step.operations("test_vit", 32) == 2 * by_hand


def test_the_clock_times_the_last_epoch_but_its_first_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = iter([10.0, 16.0])
    monkeypatch.setattr(gpu_step.time, "perf_counter", lambda: next(ticks))
    clock = gpu_step.Clock(steps=4, epochs=2)
    for _ in range(8):
        clock.advance()
    assert clock.a_step() == pytest.approx(6.0 / 3)


def test_it_wants_two_batches() -> None:
    with pytest.raises(SystemExit):
        gpu_step.parsed(["--images", "100", "--batch-size", "64"])
