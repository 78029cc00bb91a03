"""Losses by name, built from plain values such as a configuration holds."""

from __future__ import annotations

import difflib
import inspect

from torch import nn

from dermctl.errors import ConfigError
from dermctl.methods.losses.barlow_twins import BarlowTwinsLoss
from dermctl.methods.losses.metric_learning import (
    CARRIED_ON,
    EVEN_CLASSES,
    MetricLearningLoss,
    accepted_parameters,
    metric_learning_losses,
    try_loss,
    works_without_labels,
)
from dermctl.methods.losses.nt_xent import NTXentLoss
from dermctl.methods.losses.supcon import SupConLoss
from dermctl.methods.losses.two_views import ImagesAsClasses
from dermctl.methods.losses.vicreg import VICRegLoss

TWO_VIEWS: dict[str, type[nn.Module]] = {
    "nt_xent": NTXentLoss,
    "vicreg": VICRegLoss,
    "barlow_twins": BarlowTwinsLoss,
}
"""Called with (z0 [N, D], z1 [N, D], groups [N] or None)."""
LABELLED: dict[str, type[nn.Module]] = {"supcon": SupConLoss}
"""Called with (embeddings [R, D], labels [R]), as are those of pytorch-metric-learning, and with
groups [R] or None behind."""
OWN = TWO_VIEWS | LABELLED


def loss_names() -> list[str]:
    """All names: our own, then the classes of pytorch-metric-learning that we have no own form of.

    Capitals, underscores and the ending "Loss" do not matter: NTXentLoss is nt_xent.
    """
    known = {_key(name) for name in OWN}
    return [*OWN, *(name for name in metric_learning_losses() if _key(name) not in known)]


def build_loss(name: str, **parameters: object) -> nn.Module:
    """The loss of a name; see ``TWO_VIEWS`` and ``LABELLED`` for how it is called.

    Args:
        name: one of ``loss_names()``.
        parameters: plain values for its constructor; ``gather`` is one of every loss.

    Raises:
        ConfigError: the name or a parameter is unknown, a value is missing or unusable, or a
            stopped training could not go on with the loss.
    """
    name = resolve_name(name)
    if name in CARRIED_ON:
        raise ConfigError(
            f"{name} keeps something of each step for the next, and no checkpoint holds it",
            where="loss",
            hint="Take another loss over triplets, as TripletMarginLoss",
        )
    if name in OWN:
        accepted = list(inspect.signature(OWN[name]).parameters)
        _check_parameters(name, parameters, accepted, required=[])
        return OWN[name](**parameters)
    gather = bool(parameters.pop("gather", True))
    loss = metric_learning_losses()[name]
    needs = accepted_parameters(loss)
    required = [parameter for parameter, is_required in needs.items() if is_required]
    _check_parameters(name, parameters, [*needs, "gather"], required)
    try:
        if "num_classes" not in needs:  # those are for rows of a width of their own
            try_loss(loss(**parameters))
        return MetricLearningLoss(loss(**parameters), gather=gather)
    except (TypeError, ValueError, AssertionError, LookupError, RuntimeError) as error:
        raise ConfigError(
            f"{name} cannot be used with {parameters}: {error}",
            where="loss",
            hint="See the documentation of pytorch-metric-learning for the values it takes",
        ) from error


def build_labelled_loss(name: str, **parameters: object) -> nn.Module:
    """As ``build_loss``, but every loss is called with (embeddings [R, D], labels [R]).

    Raises:
        ConfigError: as ``build_loss``; or the loss takes no labels, learns weights for a fixed
            set of classes (images without a label are of none), or wants them all equally often.
    """
    name = resolve_name(name)
    if name in TWO_VIEWS:
        raise ConfigError(
            f"{name} takes no labels",
            where="loss",
            hint="Leave --loss out, or take --method simclr, which learns from two views",
        )
    if name not in OWN and "num_classes" in accepted_parameters(metric_learning_losses()[name]):
        raise ConfigError(
            f"{name} learns a weight for each class, and images without a label are of none",
            where="loss",
            hint="Take a loss over pairs or triplets, as supcon or TripletMarginLoss",
        )
    if name in EVEN_CLASSES:
        raise ConfigError(
            f"{name} wants as many images of each class in every batch, which no data here give",
            where="loss",
            hint="Take another loss over rankings or pairs, as FastAPLoss or supcon",
        )
    return build_loss(name, **parameters)


def takes_groups(name: str, *, labelled: bool) -> bool:
    """Whether a loss leaves images of one group out of the negatives, or has no negatives.

    Args:
        name: of the loss.
        labelled: whether it is called with labels, or with two views.
    """
    return resolve_name(name) in (LABELLED if labelled else TWO_VIEWS)


def takes_temperature(name: str) -> bool:
    """Whether a loss of our own divides similarities by a temperature."""
    name = resolve_name(name)
    return name in OWN and "temperature" in inspect.signature(OWN[name]).parameters


def build_two_view_loss(name: str, **parameters: object) -> nn.Module:
    """As ``build_loss``, but every loss is called with (z0 [N, D], z1 [N, D], groups or None).

    Labelled losses then take each image as a class of its own.

    Raises:
        ConfigError: as ``build_loss``; or the loss learns weights for a fixed set of classes.
    """
    name = resolve_name(name)
    if name in TWO_VIEWS:
        return build_loss(name, **parameters)
    if name not in LABELLED and not works_without_labels(name):
        raise ConfigError(
            f"{name} needs labels",
            where="loss",
            hint=f"To learn from views use one of: {', '.join(_names_without_labels())}",
        )
    loss = build_loss(name, **{**parameters, "gather": False})
    return ImagesAsClasses(loss, name=name, gather=bool(parameters.get("gather", True)))


def resolve_name(name: str) -> str:
    """The one spelling of a loss' name.

    Raises:
        ConfigError: no loss is called that; the nearest names are suggested.
    """
    for own in OWN:
        if _key(own) == _key(name):
            return own
    by_key = {_key(known): known for known in loss_names()}
    if _key(name) in by_key:
        return by_key[_key(name)]
    near = [by_key[key] for key in difflib.get_close_matches(_key(name), by_key, n=3, cutoff=0.5)]
    raise ConfigError(
        f"no loss is called {name!r}",
        where="loss",
        hint=f"Nearest: {', '.join(near)}" if near else f"One of: {', '.join(loss_names())}",
    )


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").removesuffix("loss")


def _names_without_labels() -> list[str]:
    return [name for name in loss_names() if name in OWN or works_without_labels(name)]


def _check_parameters(
    name: str, given: dict[str, object], accepted: list[str], required: list[str]
) -> None:
    unknown = [_with_nearest(each, accepted) for each in given if each not in accepted]
    missing = [parameter for parameter in required if parameter not in given]
    faults = [f"does not know {', '.join(unknown)}"] * bool(unknown)
    faults += [f"needs {', '.join(missing)}"] * bool(missing)
    if faults:
        raise ConfigError(
            f"{name} {' and '.join(faults)}",
            where="loss",
            hint=f"It accepts: {', '.join(accepted)}",
        )


def _with_nearest(parameter: str, accepted: list[str]) -> str:
    near = difflib.get_close_matches(parameter, accepted, n=1, cutoff=0.5)
    return parameter + (f" (did you mean {near[0]}?)" if near else "")
