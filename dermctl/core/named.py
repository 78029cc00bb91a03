"""What settings name must be there: encoder, loss, optimiser, augmentation; all faults at once.

Defaults are there. Only another name is looked up, and only then is imported what knows it (torch,
timm): a slip on the command line is answered without them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from dermctl.config.shared import LABEL_PRESETS, PAIR_PRESETS
from dermctl.config.trainings import FinetuneConfig, PretrainConfig
from dermctl.errors import ConfigError

Config = PretrainConfig | FinetuneConfig


def check_names(config: Config) -> None:
    """Look up all that is named, before any image is looked at.

    Raises:
        ConfigError: naming everything that is not there, or cannot be built.
    """
    faults = faults_of_names(config)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ConfigError("; ".join(map(in_a_list, faults)))


def faults_of_names(config: Config, bad: Collection[str] = ()) -> list[ConfigError]:
    """What ``check_names`` finds.

    Args:
        config: of a training.
        bad: settings that have their default only because what was given cannot be: nothing is
            held against them.
    """
    look_ups: dict[str, Callable[[], object]] = {
        "optimizer": lambda: _optimizer(config.optimizer),
        "encoder": lambda: _encoder(config.encoder),
        "loss": lambda: _loss(config, alone="method" in bad),
        "augmentation": lambda: _augmentation(config),
    }
    fresh = type(config)()
    given = [name for name in look_ups if getattr(config, name) != getattr(fresh, name)]
    return [fault for name in given if (fault := _fault(look_ups[name])) is not None]


def in_a_list(fault: ConfigError) -> str:
    """One of several faults: its place before it, its hint in parentheses behind it."""
    place = f"{fault.where}: " if fault.where else ""
    return f"{place}{fault.what}" + (f" ({fault.hint})" if fault.hint else "")


def _fault(look_up: Callable[[], object]) -> ConfigError | None:
    try:
        look_up()
    except ConfigError as error:
        return error
    return None


def _optimizer(name: str) -> None:
    from dermctl.methods.optim import check_optimizer

    check_optimizer(name)


def _encoder(name: str | None) -> None:
    from dermctl.models.encoder import check_encoder_name

    if name is not None:
        check_encoder_name(name)


def _loss(config: Config, *, alone: bool) -> None:
    """A fine-tuning's losses are a choice of a few; a pretraining's must suit its method."""
    from dermctl.core.pretraining_module import pretraining_objective
    from dermctl.methods.losses.registry import resolve_name
    from dermctl.methods.losses.spelling import parse_loss

    if isinstance(config, FinetuneConfig) or config.loss is None:
        return
    if alone:
        resolve_name(parse_loss(config.loss)[0])
    else:
        pretraining_objective(config)


def _augmentation(config: Config) -> None:
    from dermctl.views.augmentation import read_augmentation

    offered = PAIR_PRESETS if isinstance(config, PretrainConfig) else LABEL_PRESETS
    read_augmentation(config.augmentation, offered)
