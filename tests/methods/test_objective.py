"""Methods and losses by name: what is built, and what is refused with which hint."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning.losses import SelfSupervisedLoss, TripletMarginLoss

from dermctl.config.trainings import METHODS
from dermctl.errors import ConfigError
from dermctl.methods.losses.barlow_twins import BarlowTwinsLoss
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.losses.registry import loss_names
from dermctl.methods.losses.supcon import SupConLoss
from dermctl.methods.losses.vicreg import VICRegLoss
from dermctl.methods.objective import OWN_LOSS, build_objective


def test_every_method_of_the_configuration_has_its_loss() -> None:
    assert set(OWN_LOSS) == set(METHODS)
    kinds = {"simclr": NTXentLoss, "supcon": SupConLoss, "vicreg": VICRegLoss,
             "barlowtwins": BarlowTwinsLoss}  # fmt: skip
    for method, kind in kinds.items():
        built = build_objective(method, temperature=0.3)
        assert isinstance(built.loss, kind)
        assert built.labelled is (method == "supcon")
        assert built.takes_groups
        assert getattr(built.loss, "temperature", 0.3) == 0.3


def test_parameters_in_parentheses_win() -> None:
    loss = build_objective("simclr", "nt_xent(temperature=0.05)", temperature=0.3).loss
    assert loss.temperature == 0.05
    assert build_objective("vicreg", "vicreg(invariance=10)", temperature=0.3).loss.invariance == 10


def test_a_loss_of_pytorch_metric_learning_over_two_views() -> None:
    built = build_objective("simclr", "TripletMarginLoss(margin=0.3)", temperature=0.2)
    assert not built.takes_groups
    generator = torch.Generator().manual_seed(0)
    z0, z1 = torch.randn(2, 6, 4, generator=generator)
    wanted = SelfSupervisedLoss(TripletMarginLoss(margin=0.3))(z0, z1)
    assert built.loss(z0, z1, None).item() == pytest.approx(wanted.item(), rel=1e-6)


def test_a_loss_of_pytorch_metric_learning_over_labels() -> None:
    built = build_objective("supcon", "TripletMarginLoss(margin=0.3)", temperature=0.2)
    assert not built.takes_groups
    rows = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 0, 1, 1, 2, 3, 2, 3])
    wanted = TripletMarginLoss(margin=0.3)(rows, labels)
    assert built.labelled
    assert built.loss(rows, labels).item() == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize("method", ["simclr", "supcon"])
@pytest.mark.parametrize("name", loss_names())
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_what_is_built_takes_the_batches_there_are(method: str, name: str) -> None:
    """Two views of images, of which some share a class and some are alone in theirs."""
    spelt = f"{name}(margin=0.4, Tn=1)" if name == "RankedListLoss" else name
    try:
        built = build_objective(method, spelt, temperature=0.2)
    except ConfigError:
        return  # refused before anything is trained: see below
    rows = torch.randn(24, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.tensor([0, 1, 0, 2, 3, 0, 4, 5, 1, 6, 7, 8]).repeat(2)
    value = built.loss(rows, labels) if built.labelled else built.loss(*rows.chunk(2), None)
    value.backward()
    assert value.isfinite()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()
    assert rows.grad.norm() > 0


@pytest.mark.parametrize(
    ("method", "loss", "says"),
    [
        ("simclr", "TripletMarginLos", "Nearest: TripletMarginLoss"),
        ("simclr", "TripletMarginLoss(margn=1)", r"margn \(did you mean margin\?\)"),
        ("simclr", "nt_xent(temperature=-1)", "above 0"),
        ("simclr", "ProxyNCALoss", "needs labels"),
        ("supcon", "ProxyNCALoss(num_classes=3, embedding_size=4)", "a weight for each class"),
        ("supcon", "SmoothAPLoss", "as many images of each class"),
        ("supcon", "nt_xent", "takes no labels"),
        ("supcon", "vicreg", "takes no labels"),
        ("vicreg", "nt_xent", "--method simclr --loss nt_xent"),
    ],
)
def test_what_cannot_be_is_refused(method: str, loss: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build_objective(method, loss, temperature=0.2)
