"""SimCLR: the step's loss is NT-Xent of the projections of both views."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss as Reference
from pytorch_metric_learning.losses import SelfSupervisedLoss

from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.simclr import SimCLR
from dermctl.models.heads import Projector
from tests.methods.made import OPTIMIZER, about, normalized, pictures, tiny_encoder

IMAGES, TEMPERATURE = 5, 0.3


class Logged(SimCLR):
    """Remembers what would be logged: there is no Trainer here, only its one process."""

    class trainer:  # noqa: N801 - stands for the Trainer
        world_size = 1

    def log(self, name: str, value: torch.Tensor, **how: object) -> None:  # type: ignore[override]
        self.seen = {**getattr(self, "seen", {}), name: (value, how)}


@pytest.fixture
def module() -> Logged:
    torch.manual_seed(0)
    loss = NTXentLoss(temperature=TEMPERATURE)
    return Logged(tiny_encoder(), Projector(6, 8, 4), loss, about(), **OPTIMIZER)


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    return {"views": pictures(2, IMAGES), "index": torch.arange(IMAGES)}


def test_one_step_is_pytorch_metric_learnings_loss(
    module: Logged, batch: dict[str, torch.Tensor]
) -> None:
    loss = module.training_step(batch, 0)
    loss.backward()
    ours = [parameter.grad.clone() for parameter in module.parameters()]
    module.zero_grad()

    z0, z1 = (module.projector(module.encoder(normalized(view))) for view in batch["views"])
    wanted = SelfSupervisedLoss(Reference(temperature=TEMPERATURE))(z0, z1)
    wanted.backward()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    for gradient, parameter in zip(ours, module.parameters(), strict=True):
        assert torch.allclose(gradient, parameter.grad, rtol=1e-3, atol=1e-6)


def test_the_loss_is_logged(module: Logged, batch: dict[str, torch.Tensor]) -> None:
    loss = module.training_step(batch, 0)
    module.eval()
    module.validation_step(batch, 0)
    assert module.seen["train/loss"][0] is loss
    assert module.seen["val/loss"][0].item() == pytest.approx(loss.item(), rel=1e-5)
    assert module.seen["train/loss"][1]["batch_size"] == IMAGES
    assert module.seen["val/loss"][1]["batch_size"] == IMAGES


def test_a_validation_batch_of_one_image_says_nothing(module: Logged) -> None:
    """The last batch of a validation split may hold one image: it has no negatives."""
    module.validation_step({"views": pictures(2, 1), "index": torch.arange(1)}, 0)
    assert "val/loss" not in getattr(module, "seen", {})


def test_mean_and_deviation_are_no_weights(module: Logged) -> None:
    assert not {"mean", "std"} & module.state_dict().keys()
    checkpoint: dict[str, object] = {}
    module.on_save_checkpoint(checkpoint)
    assert checkpoint["dermctl"]["mean"] == [0.5, 0.4, 0.3]  # type: ignore[index]
