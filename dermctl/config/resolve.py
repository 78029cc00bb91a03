"""Defaults < ``--config`` file < ``--set key=value`` < flags, with all faults at once."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dermctl.config.fields import coerce, explain, setting_names
from dermctl.errors import ConfigError, UsageFault

Config = TypeVar("Config")


class UnresolvedError(ConfigError):
    """All that is wrong with a configuration.

    Args:
        faults: each in a few words.
        rest: the configuration without them: defaults stand where a value cannot be.
        bad: the settings of such values.
        file: the ``--config`` that was given; without one it is the command line that is wrong.
    """

    def __init__(
        self, faults: Sequence[str], rest: Any, bad: Collection[str], file: Path | None
    ) -> None:
        hint = f"See all settings with: dermctl config show {command_of(type(rest))}"
        super().__init__("; ".join(faults), where=file, hint=hint)
        self.faults, self.rest, self.bad, self.file = tuple(faults), rest, frozenset(bad), file
        if file is None:
            self.exit_code = UsageFault.exit_code

    def and_also(self, faults: Sequence[str]) -> UnresolvedError:
        """The same with more faults."""
        return UnresolvedError([*self.faults, *faults], self.rest, self.bad, self.file)


def resolve(
    config: type[Config],
    *,
    file: Path | None = None,
    sets: Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
) -> Config:
    """Build ``config`` from the layers above its defaults; a flag that is None was not given.

    Raises:
        UnresolvedError: naming every unknown key (with the nearest name) and every bad value.
        ConfigError: the file cannot be read.
    """
    faults: list[str] = []
    given: dict[str, object] = {}
    given.update(_from_file(file))
    given.update(_from_sets(sets, faults))
    given.update({name: value for name, value in (flags or {}).items() if value is not None})

    values: dict[str, Any] = {}
    bad: list[str] = []
    for name, value in given.items():
        if name not in setting_names(config):
            faults.append(_unknown(config, name))
            continue
        converted, fault = coerce(config, name, value)
        if fault is None:
            values[name] = converted
        else:
            faults.append(fault)
            bad.append(name)
    resolved = config(**values)
    if faults:
        raise UnresolvedError(faults, resolved, bad, file)
    return resolved


def command_of(config: type) -> str:
    """The command a configuration class belongs to: PretrainConfig -> pretrain."""
    return config.__name__.removesuffix("Config").lower()


def to_yaml(config: Any, *, comments: bool = False) -> str:
    """The configuration as YAML, itself a valid ``--config``; with a comment a setting if asked."""
    lines: list[str] = []
    group = None
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if comments and field.metadata["group"] != group:
            group = field.metadata["group"]
            lines += [f"# ---- {group} ----", ""]
        if comments:
            lines.append(f"# {explain(field)}")
        plain = list(value) if isinstance(value, tuple) else value
        lines.append(yaml.safe_dump({field.name: plain}, default_flow_style=False).rstrip())
        if comments:
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _from_file(file: Path | None) -> dict[str, object]:
    if file is None:
        return {}
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"cannot be read as YAML ({reason})", where=file) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("a configuration must be a list of 'key: value' lines", where=file)
    return {str(key): value for key, value in document.items()}


def _from_sets(sets: Sequence[str], faults: list[str]) -> dict[str, object]:
    given: dict[str, object] = {}
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals or not name:
            faults.append(f"--set {text}: write it as key=value")
        else:
            given[name.strip()] = None if value.strip() in ("", "null") else value.strip()
    return given


def _unknown(config: type, name: str) -> str:
    near = difflib.get_close_matches(name, setting_names(config), n=1, cutoff=0.5)
    return f"unknown setting '{name}'" + (f" (did you mean '{near[0]}'?)" if near else "")
