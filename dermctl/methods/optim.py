"""Optimisers by timm's names, and which parameters decay."""

from __future__ import annotations

import difflib
from typing import Any

import torch
from timm.optim import create_optimizer_v2, list_optimizers  # type: ignore[attr-defined]
from torch import nn

from dermctl.errors import ConfigError


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: weights that decay, and biases, norms, tokens and positions that do not.

    The usual rule (arXiv 2010.11929 and after): what is no more than a vector, whatever its shape,
    what is called a position or a token, and what the model itself names in ``no_weight_decay``, is
    spared.
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
            spare = name in spared or _is_vector(name, parameter) or _is_place(name)
            (plain if spare else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def _is_vector(name: str, parameter: nn.Parameter) -> bool:
    """A bias, a norm's or a layer's scale: (D,), but (1, 1, D) or (D, 1, 1) in some encoders.

    The weight of a layer to or from a single channel has one long dimension too.
    """
    if parameter.ndim < 2:
        return True
    own = name.rpartition(".")[2]
    return own != "weight" and sum(length > 1 for length in parameter.shape) < 2


def _is_place(name: str) -> bool:
    own = name.rpartition(".")[2]
    return own.startswith("pos_embed") or own.endswith("_token")


def build_optimizer(groups: list[dict[str, Any]], name: str, *, lr: float) -> torch.optim.Optimizer:
    """An optimiser of timm over groups of parameters, each with its weight decay.

    As timm has them: ``adamw`` with betas 0.9 and 0.999, ``sgd`` with a Nesterov momentum of 0.9.

    Raises:
        ConfigError: there is none of that name (with the nearest ones), it wants a package that is
            not installed, or second derivatives.
    """
    if name not in optimizer_names():
        near = difflib.get_close_matches(name.lower(), optimizer_names(), n=3, cutoff=0.4)
        raise ConfigError(
            f"timm knows no optimizer '{name}'",
            where="optimizer",
            hint=f"Nearest: {', '.join(near)}" if near else "Take adamw, lars, lamb or sgd",
        )
    extra: dict[str, Any] = {}
    if name == "adamw":
        parameters = [parameter for group in groups for parameter in group["params"]]
        extra["fused"] = all(p.device.type in ("cpu", "cuda") for p in parameters)
    try:
        built: torch.optim.Optimizer = create_optimizer_v2(groups, name, lr=lr, **extra)
    except (AssertionError, ImportError, RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the optimizer '{name}' cannot be built here ({error})",
            where="optimizer",
            hint="Take another, as adamw, lars, lamb or sgd",
        ) from error
    if getattr(built, "is_second_order", False):
        raise ConfigError(
            f"the optimizer '{name}' wants second derivatives, which no loss here gives",
            where="optimizer",
            hint="Take another, as adamw, lars, lamb or sgd",
        )
    return built


def check_optimizer(name: str) -> None:
    """Raise what ``build_optimizer`` would, before anything else has been done."""
    build_optimizer(parameter_groups(nn.Linear(2, 2), 0.1), name, lr=0.1)


def optimizer_names() -> list[str]:
    """All that timm has, the common ones by their common names."""
    return [str(name) for name in list_optimizers()]
