"""Layer-wise learning rates of a ViT: the rule of the paper, layer by layer."""

from __future__ import annotations

import pytest
import timm
from torch import nn

from dermctl.methods.layer_decay import layer_decay_groups


def test_each_layer_has_its_rate() -> None:
    encoder = timm.create_model("vit_tiny_patch16_224", img_size=32, num_classes=0, depth=3)
    head = nn.Linear(192, 2)
    groups = layer_decay_groups(encoder, head, lr=0.1, weight_decay=0.05, layer_decay=0.5)
    settings = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in groups
        for parameter in group["params"]
    }
    everything = [*encoder.parameters(), *head.parameters()]
    assert len(settings) == len(everything) == sum(len(group["params"]) for group in groups)
    assert settings[id(head.weight)] == (0.1, 0.05)
    assert settings[id(head.bias)] == (0.1, 0.0)
    rates = [settings[id(block.mlp.fc1.weight)][0] for block in encoder.blocks]
    assert rates[1] == pytest.approx(2 * rates[0])
    assert rates[2] == pytest.approx(2 * rates[1])
    assert settings[id(encoder.norm.weight)][0] == pytest.approx(0.1)
    assert rates[2] == pytest.approx(0.1)  # timm counts the last block and the norm as one
    assert settings[id(encoder.patch_embed.proj.weight)][0] == pytest.approx(rates[0] / 2)
    assert settings[id(encoder.pos_embed)][1] == 0.0
    assert settings[id(encoder.blocks[0].norm1.weight)][1] == 0.0


def test_no_decay_is_one_rate() -> None:
    encoder = timm.create_model("resnet18", num_classes=0)
    groups = layer_decay_groups(
        encoder, nn.Linear(512, 2), lr=0.1, weight_decay=0.05, layer_decay=1.0
    )
    assert {group["lr"] for group in groups} == {0.1}
