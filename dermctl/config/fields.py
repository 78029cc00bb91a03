"""How a setting states its default, meaning and range, and how values are held against them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, get_args, get_origin, get_type_hints


def setting(
    default: Any,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    group: str = "Options",
    flag: str = "",
    metavar: str = "",
) -> Any:
    """A dataclass field with its meaning (units included), inclusive range or choices.

    The command line makes a flag of it: ``group`` is its panel in the help, ``flag`` its name
    where that is not the field's, ``metavar`` what stands for its value.
    """
    metadata = {
        "meaning": meaning,
        "low": low,
        "high": high,
        "choices": tuple(choices),
        "group": group,
        "flag": flag,
        "metavar": metavar,
    }
    return dataclasses.field(default=default, metadata=metadata)


def flag_of(field: dataclasses.Field[Any]) -> str:
    """The flag of a setting: ``batch_size`` -> ``--batch-size``; both words of a switch."""
    flag: str = field.metadata["flag"] or f"--{field.name.replace('_', '-')}"
    switch = isinstance(field.default, bool) and not flag.startswith("--no-")
    return f"{flag}/--no-{flag[2:]}" if switch else flag


def explain(field: dataclasses.Field[Any]) -> str:
    """What a setting means, with its choices or its range."""
    meaning, low, high, choices = (
        field.metadata[key] for key in ("meaning", "low", "high", "choices")
    )
    if choices:
        return f"{meaning} ({' | '.join(choices)})"
    if low is not None and high is not None:
        return f"{meaning} ({_number(low)} to {_number(high)})"
    if low is not None:
        return f"{meaning} (at least {_number(low)})"
    if high is not None:
        return f"{meaning} (at most {_number(high)})"
    return str(meaning)


def _number(value: float) -> str:
    """A bound as it would be typed: all digits of a whole number."""
    return str(int(value)) if value == int(value) else f"{value:g}"


def setting_names(config: type) -> list[str]:
    """Names of all settings of a configuration class, in order."""
    return [field.name for field in dataclasses.fields(config)]


def coerce(config: type, name: str, value: object) -> tuple[Any, str | None]:
    """``value`` as the type of setting ``name``: (value, None), or (value, what is wrong)."""
    field = next(field for field in dataclasses.fields(config) if field.name == name)
    kind = get_type_hints(config)[name]
    optional = type(None) in get_args(kind)
    if value is None:
        empty = () if get_origin(kind) is tuple else None
        return (empty, None) if optional or empty == () else (value, f"{name}: a value is needed")
    plain = next((k for k in get_args(kind) if k is not type(None)), kind) if optional else kind
    try:
        converted = _convert(plain, value)
    except (KeyError, TypeError, ValueError):
        return value, f"{name}: {value!r} is not {_type_name(plain)}"
    return converted, _range_fault(field, converted)


def _convert(kind: Any, value: object) -> Any:
    if get_origin(kind) is tuple:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        elif not isinstance(value, list | tuple):
            raise ValueError
        return tuple(_convert(get_args(kind)[0], part) for part in value)
    if kind is bool:
        if isinstance(value, bool):
            return value
        return {"true": True, "yes": True, "false": False, "no": False}[str(value).lower()]
    if kind is int:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError
        return int(value)  # type: ignore[call-overload]
    if kind is float:
        if isinstance(value, bool) or not math.isfinite(number := float(value)):  # type: ignore[arg-type]
            raise ValueError
        return number
    if isinstance(value, bool | list | dict | set):  # YAML's `no` is false, not a name
        raise ValueError
    return str(value)


def _type_name(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "a list"
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a text")


def _range_fault(field: dataclasses.Field[Any], value: Any) -> str | None:
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices and value not in choices:
        return f"{field.name}: {value!r} is not one of {', '.join(choices)}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if low is not None and value < low:
            return f"{field.name}: {value} is under the least value, {low}"
        if high is not None and value > high:
            return f"{field.name}: {value} is over the greatest value, {high}"
    return None
