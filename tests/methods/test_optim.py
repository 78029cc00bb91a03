"""Which parameters decay, and optimisers by name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dermctl.errors import ConfigError
from dermctl.methods.optim import build_optimizer, check_optimizer, parameter_groups
from dermctl.models.encoder import build_encoder


def names_of(module: nn.Module) -> tuple[set[str], set[str]]:
    """Names of the parameters that decay, and of those that do not."""
    name = {id(parameter): key for key, parameter in module.named_parameters()}
    decayed, spared = parameter_groups(module, 0.05)
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.05, 0.0)
    found = [{name[id(p)] for p in group["params"]} for group in (decayed, spared)]  # type: ignore[attr-defined]
    return found[0], found[1]


def test_of_a_vit_biases_norms_tokens_and_positions_are_spared() -> None:
    encoder = build_encoder("vit_tiny_patch16_224", 32)
    decayed, spared = names_of(encoder)
    assert decayed | spared == {name for name, _ in encoder.named_parameters()}
    assert not decayed & spared
    for name in decayed:
        assert name.endswith(".weight"), name
        assert "norm" not in name, name
    assert {"cls_token", "pos_embed"} <= spared
    assert all(name in {"cls_token", "pos_embed"} or "norm" in name or name.endswith(".bias")
               for name in spared)  # fmt: skip


def test_they_are_spared_inside_a_training_module_too() -> None:
    module = nn.Module()
    module.encoder = build_encoder("vit_tiny_patch16_224", 32)
    module.classifier = nn.Linear(192, 2)
    decayed, spared = names_of(module)
    assert {"encoder.cls_token", "encoder.pos_embed", "classifier.bias"} <= spared
    assert "classifier.weight" in decayed


def test_of_a_cnn_batch_norms_and_biases_are_spared() -> None:
    decayed, spared = names_of(build_encoder("resnet18", 32))
    assert all("bn" in name or "downsample.1" in name for name in spared)
    assert not any("bn" in name or name.endswith(".bias") for name in decayed)


@pytest.mark.parametrize(
    ("encoder", "spared_too"),
    [
        ("resmlp_12_224", {"blocks.0.norm1.alpha", "blocks.0.ls1"}),
        ("visformer_tiny", {"pos_embed1", "pos_embed2", "pos_embed3"}),
        ("fastvit_t8", {"stages.0.blocks.0.layer_scale.gamma"}),
        ("nf_resnet26", {"stages.0.0.conv1.gain"}),
    ],
)
def test_vectors_in_another_shape_are_spared_too(encoder: str, spared_too: set[str]) -> None:
    model = build_encoder(encoder, 224 if encoder == "resmlp_12_224" else 64)
    decayed, spared = names_of(model)
    assert spared_too <= spared
    assert all(name.endswith((".weight", "attention_biases")) for name in decayed), decayed


def test_a_layer_of_one_channel_decays() -> None:
    assert names_of(nn.Linear(8, 1)) == ({"weight"}, {"bias"})


def test_frozen_parameters_are_left_out() -> None:
    module = nn.Linear(2, 2)
    module.weight.requires_grad = False
    assert names_of(module) == (set(), {"bias"})


def test_one_step_of_adamw_and_sgd_by_hand() -> None:
    lr, decay = 0.1, 0.5
    for name in ("adamw", "sgd"):
        module = nn.Linear(1, 1)
        nn.init.constant_(module.weight, 2.0)
        nn.init.constant_(module.bias, 2.0)
        optimizer = build_optimizer(parameter_groups(module, decay), name, lr=lr)
        module(torch.tensor([[3.0]])).backward()  # gradients: 3 and 1
        optimizer.step()
        if name == "adamw":  # decoupled decay, then a first step of the sign of the gradient
            wanted = (2.0 * (1 - lr * decay) - lr, 2.0 - lr)
        else:
            wanted = (2.0 - 1.9 * lr * (3 + decay * 2.0), 2.0 - 1.9 * lr * 1)  # Nesterov, 0.9
        assert (module.weight.item(), module.bias.item()) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", ["adamw", "lars", "lamb", "sgd", "lion", "adafactor"])
def test_timms_optimizers_take_a_step_and_spare_what_does_not_decay(name: str) -> None:
    torch.manual_seed(0)
    module = nn.Linear(4, 3)
    before = module.bias.detach().clone()
    optimizer = build_optimizer(parameter_groups(module, 0.5), name, lr=0.1)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert torch.equal(module.bias, before), "without a gradient only decay could move it"
    module(torch.ones(2, 4)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(module.bias, before)


def test_an_unknown_optimizer_with_the_nearest() -> None:
    for name in ("adamww", "AdamW"):
        with pytest.raises(ConfigError, match=f"timm knows no optimizer '{name}'") as caught:
            check_optimizer(name)
        assert "Nearest: adamw, " in str(caught.value)


@pytest.mark.parametrize("name", ["adahessian", "fusedadam"])
def test_an_optimizer_that_cannot_work_here_says_so(name: str) -> None:
    """The one wants second derivatives, the other a package that is not installed."""
    with pytest.raises(ConfigError, match=name):
        check_optimizer(name)
