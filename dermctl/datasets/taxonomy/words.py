"""What was done to labels, in words for results and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def target_words(recipe: Mapping[str, Any]) -> str:
    """The recipe of `MappedLabels.recipe` in one line: where the classes come from, what is out."""
    columns = ", ".join(recipe.get("columns", ()))
    words = [f"a shared target, from {recipe['source']}'s {columns}"]
    if recipe["indeterminate"]:
        settled = _listed(recipe["settled"])
        words.append(f"indeterminate labels count as {recipe['indeterminate']} ({settled})")
    words += [
        f"left out as {reason}: {_listed(rows)}" for reason, rows in recipe["left_out"].items()
    ]
    return "; ".join(words)


_NAMED = 4


def _listed(counts: Mapping[str, int]) -> str:
    """The commonest labels with their rows."""
    most = sorted(counts.items(), key=lambda item: -item[1])
    shown = [f"{label or 'no label'} {rows:,}" for label, rows in most[:_NAMED]]
    rest = sum(rows for _, rows in most[_NAMED:])
    if rest:
        shown.append(f"{rest:,} rows of {len(most) - _NAMED:,} other labels")
    return ", ".join(shown) or "none"
