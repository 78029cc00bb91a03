"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:  # these import torch
    from dermctl.core.finetune import Finetuned
    from dermctl.core.pretrain import Pretrained
    from dermctl.workspace import Workspace

# Before any product on a GPU: cuBLAS reads it once, and deterministic trainings need it.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

ROOT = Path(__file__).resolve().parent.parent

# The same examples in every run, on however slow a machine. To look for new ones:
# pytest --hypothesis-profile=default --hypothesis-seed=N.
settings.register_profile("seeded", derandomize=True, deadline=None, database=None)
settings.load_profile("seeded")


_LONGEST = ("core", "cli")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole commands first: of several processes none is left with the long files at the end."""

    def turn(item: pytest.Item) -> int:
        within = item.path.relative_to(ROOT / "tests").parts[0]
        return _LONGEST.index(within) if within in _LONGEST else len(_LONGEST)

    items.sort(key=turn)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images; tests that need it skip, with the reason, where it is absent."""
    folder = Path(os.environ.get("DERMCTL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is absent (set DERMCTL_TEST_DATA to a folder of it)")
    return folder


@dataclass(frozen=True)
class Trained:
    """A workspace with a small prepared dataset, `clinic`, and a run of each training in it."""

    workspace: Workspace
    pretrained: Pretrained
    finetuned: Finetuned


TINY = {
    "accelerator": "cpu",
    "workers": 0,
    "epochs": 1,
    "image_size": 32,
    "batch_size": 8,
}
"""Settings of a training of seconds."""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trained once for all tests, which must leave it as it is."""
    from dermctl.config.trainings import FinetuneConfig, PretrainConfig
    from dermctl.core.data.prepare import prepare
    from dermctl.core.finetune import finetune
    from dermctl.core.pretrain import pretrain
    from dermctl.workspace import Workspace
    from tests.core.data.clinic import make_clinic

    root = tmp_path_factory.mktemp("trained")
    workspace = Workspace(root / "workspace")
    prepare(workspace, make_clinic(root).request(val=0.2, test=0.2))
    small = {"projector_hidden": 32, "projector_dim": 16}
    first = pretrain(workspace, PretrainConfig(encoder="vit_tiny_patch16_224", **TINY, **small))
    return Trained(workspace, first, finetune(workspace, FinetuneConfig(**TINY)))
