"""Encoders by timm name: any architecture, any size it takes, and clear refusals."""

from __future__ import annotations

import pytest
import timm
import torch

from dermctl.errors import ConfigError
from dermctl.models.encoder import (
    build_encoder,
    check_image_size,
    feature_width,
    fixed_image_size,
    parameter_count,
)


@pytest.mark.parametrize(
    ("name", "size", "width"),
    [
        ("vit_tiny_patch16_224", 32, 192),
        ("vit_tiny_patch16_224.augreg_in21k", 48, 192),
        ("resnet18", 40, 512),
        ("convnext_atto", 40, 320),
        ("mobilenetv3_small_050", 40, 1024),  # wider behind its pooling than before
        ("xcit_nano_12_p16_224", 32, 128),  # gives its patch size as a number, not a pair
        ("pvt_v2_b0", 40, 256),  # overlapping patches of 7 at a step of 4
    ],
)
def test_embeddings_of_the_promised_width(name: str, size: int, width: int) -> None:
    encoder = build_encoder(name, size)
    assert encoder.training
    assert feature_width(encoder) == width
    with torch.no_grad():
        assert encoder.eval()(torch.rand(2, 3, size, size)).shape == (2, width)


def test_it_is_timms_model_without_its_classifier() -> None:
    torch.manual_seed(0)
    ours = build_encoder("resnet18", 64).state_dict()
    torch.manual_seed(0)
    theirs = timm.create_model("resnet18", num_classes=0).state_dict()
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key


def test_fixed_and_free_image_sizes() -> None:
    assert fixed_image_size("vit_tiny_patch16_224")
    assert fixed_image_size("swin_tiny_patch4_window7_224.ms_in1k")
    assert not fixed_image_size("resnet18")
    assert not fixed_image_size("convnext_atto")


def test_drop_path_is_handed_on() -> None:
    rates = [
        module.drop_prob
        for module in build_encoder("vit_tiny_patch16_224", 32, drop_path=0.3).modules()
        if type(module).__name__ == "DropPath"
    ]
    assert max(rates) == pytest.approx(0.3)


def test_unknown_name_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="vit_tiny_patch16_225") as caught:
        build_encoder("vit_tiny_patch16_225", 224)
    assert "vit_tiny_patch16_224" in str(caught.value)
    with pytest.raises(ConfigError, match="timm knows no encoder"):
        build_encoder("", 224)


@pytest.mark.parametrize(("size", "hint"), [(50, "48"), (8, "16"), (40, "32")])
def test_size_that_is_no_multiple_of_the_patches(size: int, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"{size} px is no multiple") as caught:
        build_encoder("vit_tiny_patch16_224", size)
    assert f"--image-size {hint}" in str(caught.value)


def test_size_that_the_architecture_refuses_only_when_it_runs() -> None:
    with pytest.raises(ConfigError, match="takes no images of 96 px"):
        build_encoder("efficientformer_l1", 96)


def test_looking_at_an_image_leaves_the_model_as_it_was() -> None:
    encoder = timm.create_model("resnet18", num_classes=0)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    state = torch.get_rng_state()
    for training in (True, False):
        check_image_size(encoder.train(training), "resnet18", 32)
        assert encoder.training is training
    assert torch.equal(torch.get_rng_state(), state)
    for key, value in encoder.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_parameter_count() -> None:
    module = torch.nn.Linear(3, 4)
    assert parameter_count(module) == 16
    module.bias.requires_grad = False
    assert parameter_count(module) == 12
