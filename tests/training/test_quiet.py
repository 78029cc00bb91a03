"""What a seed settles, before there is a Trainer."""

from __future__ import annotations

import os

import pytest
import torch

from dermctl.training import seed_everything

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def test_the_same_seed_draws_the_same() -> None:
    drawn = []
    for seed in (3, 3, 4):
        seed_everything(seed)
        drawn.append(torch.rand(4).tolist())
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("given", [None, ":16:8"])
def test_cublas_is_told_before_its_first_product(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv(WORKSPACE, given or "")
    if given is None:
        monkeypatch.delenv(WORKSPACE)
    seed_everything(0)
    assert os.environ.get(WORKSPACE) == given
    seed_everything(0, deterministic=True)
    assert os.environ[WORKSPACE] == (given or ":4096:8")
