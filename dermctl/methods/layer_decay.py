"""Learning rates that fall from the head towards the first layer."""

from __future__ import annotations

from typing import Any

from torch import nn


def layer_decay_groups(
    encoder: nn.Module, head: nn.Module, *, lr: float, weight_decay: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Parameter groups: layer l of L gets ``lr · layer_decay ** (L - l)``, the head ``lr``.

    Layers as timm counts them; biases and norms do not decay. Clark et al. 2020 (arXiv
    2003.10555), as used by BEiT and MAE for fine-tuning ViTs.

    Args:
        encoder: a timm model.
        head: what stands on it.
        lr: peak learning rate.
        weight_decay: of weights.
        layer_decay: factor a layer, in (0, 1].
    """
    from timm.optim._param_groups import param_groups_layer_decay

    from dermctl.methods.optim import parameter_groups

    spared: set[str] = getattr(encoder, "no_weight_decay", set)()
    groups = param_groups_layer_decay(
        encoder, weight_decay, no_weight_decay_list=tuple(spared), layer_decay=layer_decay
    )
    layered = [
        {
            "params": group["params"],
            "weight_decay": group["weight_decay"],
            "lr": lr * group["lr_scale"],
        }
        for group in groups
    ]
    return [*layered, *({**group, "lr": lr} for group in parameter_groups(head, weight_decay))]
