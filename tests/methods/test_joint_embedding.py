"""The step's loss is the method's, of the projections of both views."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning.losses import NTXentLoss as Reference
from pytorch_metric_learning.losses import SelfSupervisedLoss
from pytorch_metric_learning.losses import SupConLoss as Supervised

from dermctl.methods.joint_embedding import JointEmbedding
from dermctl.methods.losses import gather
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.losses.supcon import SupConLoss
from dermctl.models.heads import Projector
from tests.methods.made import OPTIMIZER, about, normalized, pictures, tiny_encoder

IMAGES, TEMPERATURE = 5, 0.3


class Logged(JointEmbedding):
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


def test_processes_have_equal_shares_in_training_only(
    module: Logged, batch: dict[str, torch.Tensor]
) -> None:
    seen = []
    module.loss.register_forward_hook(lambda *_: seen.append(gather._EQUAL.get()))
    module.training_step(batch, 0)
    module.validation_step(batch, 0)  # a last batch may be shared out unevenly
    assert seen == [True, False]


def test_a_validation_batch_of_one_image_says_nothing(module: Logged) -> None:
    """The last batch of a validation split may hold one image: it has no negatives."""
    module.validation_step({"views": pictures(2, 1), "index": torch.arange(1)}, 0)
    assert "val/loss" not in getattr(module, "seen", {})


def test_mean_and_deviation_are_no_weights(module: Logged) -> None:
    assert not {"mean", "std"} & module.state_dict().keys()
    checkpoint: dict[str, object] = {}
    module.on_save_checkpoint(checkpoint)
    assert checkpoint["dermctl"]["mean"] == [0.5, 0.4, 0.3]  # type: ignore[index]


def gradients(module: Logged, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    module.zero_grad()
    module.training_step(batch, 0).backward()
    return torch.cat([parameter.grad.flatten() for parameter in module.parameters()])


@pytest.mark.parametrize("micro_batch", [1, 2, 5, 9])
def test_micro_batches_change_nothing(batch: dict[str, torch.Tensor], micro_batch: int) -> None:
    found = []
    for size in (0, micro_batch):
        torch.manual_seed(0)
        module = Logged(
            tiny_encoder(), Projector(6, 8, 4, norm="batch"), NTXentLoss(TEMPERATURE), about(),
            micro_batch=size, **OPTIMIZER,
        )  # fmt: skip
        found.append((gradients(module, batch), module.seen["train/loss"][0].detach()))
    (whole, loss), (parts, value) = found
    assert torch.allclose(value, loss, rtol=1e-5)
    assert (parts - whole).norm() < 1e-5 * whole.norm()


def test_micro_batches_bound_what_is_in_the_encoder(batch: dict[str, torch.Tensor]) -> None:
    module = Logged(
        tiny_encoder(), Projector(6, 8, 4), NTXentLoss(TEMPERATURE), about(),
        micro_batch=2, **OPTIMIZER,
    )  # fmt: skip
    seen: list[int] = []
    module.encoder.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    module.training_step(batch, 0)
    assert seen == [4, 4, 2], "both views of two images at a time"


def test_other_images_of_a_group_are_no_negatives(
    module: Logged, batch: dict[str, torch.Tensor]
) -> None:
    groups = torch.tensor([0, 1, 0, 2, 3])
    loss = module.training_step(batch | {"groups": groups}, 0)
    with torch.no_grad():
        z = [module.projector(module.encoder(normalized(view))) for view in batch["views"]]
    rows = torch.nn.functional.normalize(torch.cat(z), dim=1).double()
    both, n = groups.repeat(2), IMAGES
    wanted = []
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        logits = {k: float(rows[i] @ rows[k]) / TEMPERATURE for k in range(2 * n)}
        kept = [k for k in range(2 * n) if k == j or both[k] != both[i]]
        wanted.append(torch.tensor([logits[k] for k in kept]).logsumexp(0) - logits[j])
    assert loss.item() == pytest.approx(float(torch.stack(wanted).mean()), rel=1e-5)


def test_labels_make_positives(batch: dict[str, torch.Tensor]) -> None:
    torch.manual_seed(0)
    module = Logged(
        tiny_encoder(), Projector(6, 8, 4), SupConLoss(TEMPERATURE), about(),
        labelled=True, **OPTIMIZER,
    )  # fmt: skip
    labels = torch.tensor([0, 0, 1, 2, 1])
    loss = module.training_step(batch | {"labels": labels}, 0)
    z = torch.cat([module.projector(module.encoder(normalized(view))) for view in batch["views"]])
    wanted = Supervised(temperature=TEMPERATURE)(z, labels.repeat(2))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
