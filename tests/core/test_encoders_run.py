"""The encoders that are named in the documentation train."""

from __future__ import annotations

import math

import pytest

from dermctl.config.trainings import PretrainConfig
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.pretrain import pretrain
from dermctl.datasets.synthetic import draw_sample
from dermctl.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a small drawn dataset."""
    root = tmp_path_factory.mktemp("encoders")
    draw_sample(root / "raw", images=60)
    made = Workspace(root)
    prepare(made, PrepareRequest(source="padufes", raw=root / "raw", name="sample", size=48))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_vision_transformers_of_three_sizes(workspace: Workspace, size: str) -> None:
    trained = pretrain(
        workspace,
        PretrainConfig(
            encoder=f"vit_{size}_patch16_224",
            image_size=32,
            batch_size=16,
            epochs=1,
            workers=0,
            accelerator="cpu",
        ),
    )
    assert trained.checkpoint.is_file()
    assert math.isfinite(trained.train_loss)
    assert trained.parameters > {"tiny": 5e6, "small": 2e7, "base": 8e7}[size]
