"""Any valid value of any setting, made from the range that the setting itself states."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def values(config: type, field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    """Values of one setting."""
    kind = get_type_hints(config)[field.name]
    low, high, choices = (field.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return st.sampled_from(choices)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(low, high)
    if kind is float:
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    if get_origin(kind) is tuple:
        return st.lists(TEXTS, max_size=3).map(tuple)
    return st.none() | TEXTS if type(None) in get_args(kind) else TEXTS


def configs(config: type) -> st.SearchStrategy[Any]:
    """Configurations with any valid value in every setting."""
    return st.builds(
        config, **{field.name: values(config, field) for field in dataclasses.fields(config)}
    )
