"""Optimisers and the learning rate's course."""

from __future__ import annotations

import math

import torch
from torch import nn


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Two groups: weights that decay, and biases, norms, tokens and positions that do not.

    The usual rule (arXiv 2010.11929 and after): what has fewer than two dimensions, and what the
    model itself names in ``no_weight_decay``, is spared.
    """
    spared: set[str] = set()
    for prefix, part in module.named_modules():
        listed = getattr(part, "no_weight_decay", None)
        if callable(listed):
            spared |= {f"{prefix}.{name}".lstrip(".") for name in listed()}
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            (plain if parameter.ndim < 2 or name in spared else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def build_optimizer(
    module: nn.Module, name: str, *, lr: float, weight_decay: float
) -> torch.optim.Optimizer:
    """``adamw`` (betas 0.9, 0.999) or ``sgd`` (momentum 0.9) over the module's parameters."""
    groups = parameter_groups(module, weight_decay)
    if name == "adamw":
        fused = all(p.device.type in ("cpu", "cuda") for p in module.parameters())
        return torch.optim.AdamW(groups, lr=lr, fused=fused)
    if name == "sgd":
        return torch.optim.SGD(groups, lr=lr, momentum=0.9)
    raise ValueError(f"unknown optimizer {name!r}")


def warmup_cosine(step: int, *, total: int, warmup: int) -> float:
    """Factor on the learning rate: linear rise over ``warmup`` steps, then a cosine to zero.

    SGDR without restarts (arXiv 1608.03983), with the warm-up of arXiv 1706.02677.
    """
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
