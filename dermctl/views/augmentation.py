"""An augmentation by name, or out of a YAML file."""

from __future__ import annotations

from pathlib import Path

import yaml

from dermctl.errors import ConfigError
from dermctl.views.presets import preset
from dermctl.views.spec import AugmentationSpec

_BASE = "preset"
_SUFFIXES = (".yaml", ".yml")


def read_augmentation(asked: str) -> AugmentationSpec | list[object]:
    """What a preset's name or the path of a YAML file stands for.

    A file holds either settings of ``AugmentationSpec`` by name, with an optional ``preset`` that
    gives all others, or a list of torchvision transforms for ``dermctl.views.slow``.

    Raises:
        ConfigError: no such preset, no such file, or settings that cannot be.
    """
    if not asked.endswith(_SUFFIXES):
        return preset(asked)
    path = Path(asked)
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", where=path) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"is no YAML: {error}", where=path) from error
    if isinstance(values, list):
        return values
    if not isinstance(values, dict):
        raise ConfigError(
            "an augmentation is settings by name, or a list of torchvision transforms",
            where=path,
            hint="Write for instance: hue: 0.05",
        )
    base = preset(str(values.pop(_BASE))) if _BASE in values else None
    return AugmentationSpec.from_dict({str(name): value for name, value in values.items()}, base)
