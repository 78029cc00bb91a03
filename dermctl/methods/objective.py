"""Methods by name: which loss each has, and what that loss is called with."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from dermctl.errors import ConfigError
from dermctl.methods.losses.registry import (
    build_labelled_loss,
    build_two_view_loss,
    resolve_name,
    takes_groups,
    takes_temperature,
)
from dermctl.methods.losses.spelling import parse_loss

OWN_LOSS = {
    "simclr": "nt_xent",
    "supcon": "supcon",
    "vicreg": "vicreg",
    "barlowtwins": "barlow_twins",
}
"""Method -> the loss that it has unless another is named."""
WITH_LABELS = "supcon"
"""The method whose positives are the images of one class."""
_BY_ITS_LOSS = ("vicreg", "barlowtwins")
"""Methods that are nothing but their loss."""


@dataclass(frozen=True, eq=False)
class Objective:
    """What a pretraining minimises.

    Args:
        name: of the loss.
        loss: called with (z0 [N, D], z1 [N, D], groups [N] or None); with (rows [2N, D], labels
            [2N]), and groups [2N] where it takes them, where it is ``labelled``.
        labelled: see above.
        takes_groups: whether it can leave images of one group out of the negatives, or has none.
    """

    name: str
    loss: nn.Module
    labelled: bool
    takes_groups: bool


def build_objective(method: str, loss: str | None = None, *, temperature: float) -> Objective:
    """The objective of a method.

    Args:
        method: one of ``OWN_LOSS``.
        loss: another loss than the method's own, see ``dermctl.methods.losses.spelling``.
        temperature: of losses of our own that have one, unless ``loss`` gives it.

    Raises:
        ConfigError: the loss or one of its parameters is unknown, or does not suit the method.
    """
    name, parameters = parse_loss(loss or OWN_LOSS[method])
    name = resolve_name(name)
    if method in _BY_ITS_LOSS and name != OWN_LOSS[method]:
        raise ConfigError(
            f"{method} is its loss, and {name} is another",
            where="loss",
            hint=f"Take --method simclr --loss {name}",
        )
    if takes_temperature(name):
        parameters.setdefault("temperature", temperature)
    labelled = method == WITH_LABELS
    build = build_labelled_loss if labelled else build_two_view_loss
    return Objective(
        name, build(name, **parameters), labelled, takes_groups(name, labelled=labelled)
    )
