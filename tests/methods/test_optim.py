"""Which parameters decay, and the course of the learning rate."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from dermctl.methods.optim import build_optimizer, parameter_groups, warmup_cosine
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
            wanted = (2.0 - lr * (3 + decay * 2.0), 2.0 - lr * 1)
        assert (module.weight.item(), module.bias.item()) == pytest.approx(wanted, abs=1e-6)


def test_an_unknown_optimizer_is_a_bug() -> None:
    with pytest.raises(ValueError, match="lion"):
        build_optimizer(parameter_groups(nn.Linear(1, 1), 0), "lion", lr=1)


def test_warmup_rises_in_a_line_then_falls_as_a_cosine() -> None:
    course = [warmup_cosine(step, total=110, warmup=10) for step in range(111)]
    assert course[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert course[10] == 1.0
    assert course[60] == pytest.approx(0.5)
    assert course[35] == pytest.approx(math.cos(math.pi / 8) ** 2)
    assert course[110] == pytest.approx(0.0, abs=1e-12)
    assert all(a > b for a, b in pairwise(course[10:]))


def test_the_ends_of_the_course() -> None:
    assert warmup_cosine(0, total=10, warmup=0) == 1.0
    assert warmup_cosine(10**6, total=10, warmup=2) == 0.0
    assert [warmup_cosine(s, total=4, warmup=4) for s in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert warmup_cosine(0, total=0, warmup=0) == 1.0
    assert warmup_cosine(0, total=1, warmup=1) == 1.0


def test_it_is_torchs_own_cosine() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    for step in range(20):
        assert warmup_cosine(step, total=20, warmup=0) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()
