"""How numbers are written on a page: one spelling for each kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

UNDEFINED = "–"
"""Stands where there is no value; the reason is written beside it."""


def count(number: int) -> str:
    """A whole number, its thousands divided: 12345 → ``12,345``."""
    return f"{number:,}"


def percent(part: int, whole: int) -> str:
    """``part`` of ``whole`` in per cent: ``12.3``; ``<0.1`` where it would round to nothing."""
    if whole == 0:
        return UNDEFINED
    value = 100 * part / whole
    return "<0.1" if part and value < 0.05 else f"{value:.1f}"


def decimal(value: float | None, digits: int = 3) -> str:
    """A number with ``digits`` decimals; None and NaN are ``UNDEFINED``."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return f"{value:.{digits}f}".replace("-", "−")


def bounds(interval: Mapping[str, Any], digits: int = 3) -> str:
    """The bounds of an interval, ``0.812–0.867``; empty where it has none.

    Where one is negative a word stands between them: two dashes in a row cannot be read.
    """
    low, high = (decimal(interval.get(end), digits) for end in ("low", "high"))
    if UNDEFINED in (low, high):
        return ""
    between = " to " if "−" in low + high else "–"
    return f"{low}{between}{high}"
