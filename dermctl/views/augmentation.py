"""An augmentation by name, or out of a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from dermctl.errors import ConfigError
from dermctl.views.presets import PRESETS, preset
from dermctl.views.spec import AugmentationSpec

_BASE = "preset"
_SUFFIXES = (".yaml", ".yml")


Augmentation = AugmentationSpec | list[object]
"""Settings, or a list of torchvision transforms for ``dermctl.views.slow``."""


def read_augmentation(asked: str, offered: Sequence[str] = tuple(PRESETS)) -> Augmentation:
    """What a preset's name or the path of a YAML file stands for.

    A file holds either settings of ``AugmentationSpec`` by name, with an optional ``preset`` that
    gives all others, or a list of torchvision transforms.

    Args:
        asked: a preset or a path that ends in .yaml or .yml.
        offered: the presets that an error names.

    Raises:
        ConfigError: no such preset, no such file, or settings that cannot be.
    """
    if not asked.endswith(_SUFFIXES):
        return preset(asked, offered)
    path = Path(asked)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", where=path) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"is no YAML: {error}", where=path) from error
    if isinstance(values, list):
        _check_steps(values, path)
        return values
    if not isinstance(values, dict):
        raise ConfigError(
            "an augmentation is settings by name, or a list of torchvision transforms",
            where=path,
            hint="Write for instance: hue: 0.05",
        )
    try:
        base = preset(str(values.pop(_BASE)), offered) if _BASE in values else None
        named = {str(name): value for name, value in values.items()}
        return AugmentationSpec.from_dict(named, base)
    except ConfigError as error:
        raise ConfigError(error.what, where=path, hint=error.hint) from error


def to_plain(augmentation: Augmentation) -> dict[str, Any] | list[object]:
    """Plain values, for the record of a run: a file may change afterwards."""
    return augmentation if isinstance(augmentation, list) else asdict(augmentation)


def _check_steps(steps: list[object], path: Path) -> None:
    """Build each step once, so that a fault is said before the training begins, with its number."""
    from dermctl.views.slow import build_transforms  # takes torchvision along

    if not steps:
        raise ConfigError("the list of transforms is empty", where=path)
    for number, step in enumerate(steps, start=1):
        try:
            build_transforms([step])
        except ConfigError as error:
            raise ConfigError(
                error.what, where=f"{path}, item {number}", hint=error.hint
            ) from error
