"""What settings name must be there: encoder, loss, optimiser, augmentation; all faults at once."""

from __future__ import annotations

from collections.abc import Callable

from dermctl.config.shared import LABEL_PRESETS, PAIR_PRESETS
from dermctl.config.trainings import FinetuneConfig, PretrainConfig
from dermctl.core.pretraining_module import pretraining_objective
from dermctl.errors import ConfigError
from dermctl.methods.optim import check_optimizer
from dermctl.models.encoder import check_encoder_name
from dermctl.views.augmentation import read_augmentation


def check_names(config: PretrainConfig | FinetuneConfig) -> None:
    """Look up all that is named, before any image is looked at.

    Raises:
        ConfigError: naming everything that is not there, or cannot be built.
    """
    faults = [fault for look_up in _look_ups(config) if (fault := _fault(look_up)) is not None]
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise ConfigError("; ".join(map(_in_a_list, faults)))


def _look_ups(config: PretrainConfig | FinetuneConfig) -> list[Callable[[], object]]:
    pretraining = isinstance(config, PretrainConfig)
    presets = PAIR_PRESETS if pretraining else LABEL_PRESETS
    look_ups: list[Callable[[], object]] = [
        lambda: check_optimizer(config.optimizer),
        lambda: read_augmentation(config.augmentation, presets),
    ]
    encoder = config.encoder
    if encoder is not None:
        look_ups.append(lambda: check_encoder_name(encoder))
    if isinstance(config, PretrainConfig):
        look_ups.append(lambda: pretraining_objective(config))
    return look_ups


def _fault(look_up: Callable[[], object]) -> ConfigError | None:
    try:
        look_up()
    except ConfigError as error:
        return error
    return None


def _in_a_list(fault: ConfigError) -> str:
    """One of several faults: its place before it, its hint in parentheses behind it."""
    place = f"{fault.where}: " if fault.where else ""
    return f"{place}{fault.what}" + (f" ({fault.hint})" if fault.hint else "")
