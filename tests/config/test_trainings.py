"""Every setting says what it means, and its default is one of the values it allows."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from dermctl.cli.finetune import finetune
from dermctl.cli.pretrain import pretrain
from dermctl.config.fields import coerce
from dermctl.config.trainings import CONFIGS, PretrainConfig

SETTINGS = [
    pytest.param(config, field, id=f"{command}-{field.name}")
    for command, config in CONFIGS.items()
    for field in dataclasses.fields(config)
]


@pytest.mark.parametrize(("config", "field"), SETTINGS)
def test_defaults_lie_in_their_range(config: type, field: dataclasses.Field[object]) -> None:
    assert field.metadata["meaning"]
    assert coerce(config, field.name, field.default) == (field.default, None)


@pytest.mark.parametrize(("command", "function"), [("pretrain", pretrain), ("finetune", finetune)])
def test_flags_are_the_settings(command: str, function: object) -> None:
    flags = set(inspect.signature(function).parameters)  # type: ignore[arg-type]
    own = flags - {"ctx", "json", "config", "sets"}
    assert own == {field.name for field in dataclasses.fields(CONFIGS[command])}


def test_configurations_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PretrainConfig().epochs = 3  # type: ignore[misc]
