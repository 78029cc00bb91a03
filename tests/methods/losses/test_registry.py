"""Losses by name: what is built, and what is refused with which hint."""

from __future__ import annotations

import pytest
import torch

from dermctl.errors import ConfigError, TrainingError
from dermctl.methods.losses.barlow_twins import BarlowTwinsLoss
from dermctl.methods.losses.metric_learning import CARRIED_ON
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.losses.registry import (
    OWN,
    build_loss,
    build_two_view_loss,
    loss_names,
)
from dermctl.methods.losses.supcon import SupConLoss
from dermctl.methods.losses.vicreg import VICRegLoss
from tests.methods.losses.slow import distance, views, with_gradients

REQUIRED = {
    "num_classes": 4,
    "embedding_size": 6,
    "descriptors_dim": 6,
    "margin": 0.4,
    "Tn": 1.0,
}
"""Values for the parameters that some losses cannot be built without."""


def required_by(name: str) -> dict[str, float]:
    """The values that a loss' own complaint asks for."""
    try:
        build_loss(name)
    except ConfigError as error:
        return {key: REQUIRED[key] for key in error.what.split(" needs ")[1].split(", ")}
    return {}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nt_xent", NTXentLoss),
        ("NTXentLoss", NTXentLoss),
        ("ntxent", NTXentLoss),
        ("supcon", SupConLoss),
        ("SupConLoss", SupConLoss),
        ("vicreg", VICRegLoss),
        ("barlowtwins", BarlowTwinsLoss),
        ("barlow-twins", BarlowTwinsLoss),
    ],
)
def test_our_own_losses_have_one_spelling(name: str, expected: type) -> None:
    assert type(build_loss(name)) is expected


def test_parameters_reach_the_loss() -> None:
    loss = build_loss("nt_xent", temperature=0.3, chunk=8, gather=False)
    assert (loss.temperature, loss.chunk, loss.gather) == (0.3, 8, False)
    triplet = build_loss("triplet_margin", margin=0.7, swap=True, gather=False)
    assert (triplet.loss.margin, triplet.loss.swap, triplet.gather) == (0.7, True, False)


@pytest.mark.parametrize("name", [n for n in loss_names() if n not in {*OWN, *CARRIED_ON}])
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_losses_of_pytorch_metric_learning_keep_their_value(name: str) -> None:
    from pytorch_metric_learning import losses

    parameters = required_by(name)
    z, _ = views(12, 6, dtype=torch.float32)
    labels = torch.arange(4).repeat(3)
    torch.manual_seed(0)
    reference = getattr(losses, name)(**parameters)
    torch.manual_seed(0)
    loss = build_loss(name, **parameters)
    value, gradient = with_gradients(loss, z, labels=labels)
    expected, expected_gradient = with_gradients(reference, z, labels=labels)
    assert value == expected
    assert torch.equal(gradient, expected_gradient)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(z, labels) == expected


@pytest.mark.parametrize("name", ["supcon", "MultiSimilarityLoss", "TripletMarginLoss"])
def test_without_labels_every_image_is_a_class(name: str) -> None:
    from pytorch_metric_learning import losses

    peer = getattr(losses, "SupConLoss" if name == "supcon" else name)()
    z0, z1 = views(10, 6)
    value, gradient = with_gradients(build_two_view_loss(name), z0, z1)
    expected, expected_gradient = with_gradients(losses.SelfSupervisedLoss(peer), z0, z1)
    assert distance(value, expected) < 1e-10
    assert distance(gradient, expected_gradient) < 1e-10


def test_two_view_losses_are_built_as_they_are() -> None:
    assert type(build_two_view_loss("nt_xent", temperature=0.2)) is NTXentLoss


def test_a_labelled_loss_cannot_mind_groups() -> None:
    z0, z1 = views(4, 3)
    with pytest.raises(ConfigError, match="supcon cannot leave images of one group out") as caught:
        build_two_view_loss("supcon")(z0, z1, groups=torch.arange(4))
    assert "nt_xent" in str(caught.value.hint)


def test_a_loss_with_weights_for_classes_needs_labels() -> None:
    with pytest.raises(ConfigError, match="ArcFaceLoss needs labels") as caught:
        build_two_view_loss("ArcFaceLoss", num_classes=3, embedding_size=4)
    assert "nt_xent" in str(caught.value.hint)
    assert "TripletMarginLoss" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("ntxnet", "nt_xent"), ("barlow", "barlow_twins"), ("TripletMargn", "TripletMarginLoss")],
)
def test_an_unknown_name_suggests_the_nearest(name: str, nearest: str) -> None:
    for build in (build_loss, build_two_view_loss):
        with pytest.raises(ConfigError, match=f"no loss is called '{name}'") as caught:
            build(name)
        assert nearest in str(caught.value.hint)


def test_a_name_like_no_other_lists_all() -> None:
    with pytest.raises(ConfigError) as caught:
        build_loss("qqqqqq")
    assert all(name in str(caught.value.hint) for name in loss_names())


@pytest.mark.parametrize(
    ("name", "parameter", "accepted"),
    [
        ("nt_xent", "temp", "temperature, chunk, gather"),
        ("vicreg", "temperature", "invariance, variance, covariance, gather"),
        ("TripletMarginLoss", "distance", "margin, swap, smooth_loss, triplets_per_anchor, gather"),
        ("CosFaceLoss", "temperature", "margin, scale, num_classes, embedding_size, gather"),
    ],
)
def test_an_unknown_parameter_lists_the_accepted(name: str, parameter: str, accepted: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} does not know {parameter}") as caught:
        build_loss(name, **{parameter: 1})
    assert caught.value.hint == f"It accepts: {accepted}"


def test_missing_and_unknown_parameters_are_reported_together() -> None:
    with pytest.raises(ConfigError, match="does not know depth and needs num_classes, embedding"):
        build_loss("ArcFaceLoss", depth=3)


def test_a_value_that_the_loss_refuses_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="CosFaceLoss cannot be used") as caught:
        build_loss("CosFaceLoss", num_classes="many", embedding_size=4)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("TripletMarginLoss", {"margin": "a"}),
        ("TripletMarginLoss", {"margin": None}),
        ("TripletMarginLoss", {"triplets_per_anchor": "many"}),
        ("CircleLoss", {"m": "x"}),
    ],
)
def test_a_value_that_fails_in_a_step_is_found_before_one(
    name: str, parameters: dict[str, object]
) -> None:
    before = torch.get_rng_state()
    with pytest.raises(ConfigError, match=f"{name} cannot be used with"):
        build_loss(name, **parameters)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loss_that_no_checkpoint_could_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="keeps something of each step"):
        build_loss("DynamicSoftMarginLoss")


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_a_loss_that_fails_on_a_batch_says_so() -> None:
    loss = build_loss("HistogramLoss")
    with pytest.raises(TrainingError, match=r"HistogramLoss fails on this batch \(RuntimeError"):
        loss(torch.ones(8, 4), torch.arange(4).repeat(2))
