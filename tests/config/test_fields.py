"""One value held against one setting: its type, its range, its choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from dermctl.config.fields import coerce, explain, setting, setting_names


@dataclass(frozen=True)
class Some:
    count: int = setting(1, "a count", low=0, high=9)
    share: float = setting(0.5, "a share", low=0.0, high=1.0)
    on: bool = setting(False, "a switch")
    kind: str = setting("a", "a kind", choices=("a", "b"))
    names: tuple[str, ...] = setting((), "names")
    text: str | None = setting(None, "perhaps a text")


def test_ranges_are_explained_as_they_would_be_typed() -> None:
    ranges = {"seed": (0, 2**32 - 1), "share": (0.01, 0.5), "count": (1, None), "most": (None, 9.0)}
    fields = {name: setting(1, name, low=low, high=high) for name, (low, high) in ranges.items()}
    assert {name: explain(field) for name, field in fields.items()} == {
        "seed": "seed (0 to 4294967295)",
        "share": "share (0.01 to 0.5)",
        "count": "count (at least 1)",
        "most": "most (at most 9)",
    }


def test_setting_names_are_in_order() -> None:
    assert setting_names(Some) == ["count", "share", "on", "kind", "names", "text"]


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("count", 3, 3),
        ("count", "3", 3),
        ("count", 3.0, 3),
        ("count", 9, 9),
        ("share", 1, 1.0),
        ("share", "1e-3", 0.001),  # YAML 1.1 reads 1e-3 as a text
        ("on", True, True),
        ("on", "Yes", True),
        ("on", "false", False),
        ("kind", "b", "b"),
        ("names", ["a,b", "c"], ("a,b", "c")),
        ("names", "a, b,", ("a", "b")),
        ("names", None, ()),
        ("text", None, None),
        ("text", "none", "none"),
        ("text", "null", "null"),
        ("text", 2024, "2024"),
    ],
)
def test_values_become_the_settings_type(name: str, value: object, wanted: Any) -> None:
    converted, fault = coerce(Some, name, value)
    assert fault is None
    assert converted == wanted
    assert type(converted) is type(wanted)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("count", None, "count: a value is needed"),
        ("count", 3.5, "count: 3.5 is not a whole number"),
        ("count", True, "count: True is not a whole number"),
        ("count", "many", "count: 'many' is not a whole number"),
        ("count", [1], "count: [1] is not a whole number"),
        ("count", -1, "count: -1 is under the least value, 0"),
        ("count", 10, "count: 10 is over the greatest value, 9"),
        ("share", 1.1, "share: 1.1 is over the greatest value, 1.0"),
        ("share", "fast", "share: 'fast' is not a number"),
        ("share", float("nan"), "share: nan is not a number"),
        ("share", "inf", "share: 'inf' is not a number"),
        ("share", False, "share: False is not a number"),
        ("on", "perhaps", "on: 'perhaps' is not true or false"),
        ("kind", "c", "kind: 'c' is not one of a, b"),
        ("names", 5, "names: 5 is not a list"),
        ("names", {"a": 1}, "names: {'a': 1} is not a list"),
        ("names", [["a"]], "names: [['a']] is not a list"),
        ("text", False, "text: False is not a text"),
        ("text", ["a"], "text: ['a'] is not a text"),
    ],
)
def test_what_is_wrong_is_said(name: str, value: object, fault: str) -> None:
    assert coerce(Some, name, value)[1] == fault
