"""By what the images are divided into subgroups: columns of the manifest, as text values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dermctl.datasets.manifest import COLUMNS, SOURCE_PREFIX
from dermctl.datasets.prepared import Split
from dermctl.errors import UsageFault
from dermctl.metrics.subgroups import UNKNOWN, subgroup_names
from dermctl.report.subgroup_tables import SECOND_RATER, SKIN_TONE, SKIN_TYPE

OTHER_SKIN = (SECOND_RATER, SKIN_TONE)
"""Skin type by Fitzpatrick-17k's second rater, and as DDI pairs it: audited beside the first."""
USUAL = (SKIN_TYPE, "sex", "age", "site", "modality", "dataset")
"""What ``--by all`` stands for, as far as it is known and divides the images."""
ALL, NOTHING = "all", "none"
MOST_VALUES = 40
"""A column with more different values makes no subgroups."""
_AGE_BANDS = ((30, "0–29"), (45, "30–44"), (60, "45–59"), (75, "60–74"), (999, "75+"))

Values = dict[str, list[Any]]
"""Column → value of each image; None: not known."""


def subgroup_columns(rows: Split, asked: Sequence[str] | None) -> Values:
    """The columns to audit by, in the order asked for.

    Args:
        rows: the images.
        asked: names of columns (those of the source with or without their prefix), ``all`` or
            ``none``; None: skin type where it is known of any image.

    Raises:
        UsageFault: a column that is not there, is not known of any image, or has too many values.
    """
    if asked is None:
        return {name: _values(rows, name) for name in _skin(rows) if _known(rows, name)}
    found: Values = {}
    for name in asked:
        if name == ALL:
            usual = [each for each in USUAL if _divides(rows, each)]
            found |= {each: _values(rows, each) for each in usual}
        elif name != NOTHING:
            found[_checked(rows, name)] = _values(rows, _checked(rows, name))
    if SKIN_TYPE in found:
        found |= {name: _values(rows, name) for name in _skin(rows)[1:] if _known(rows, name)}
    return found


def age_band(age: float | None) -> str | None:
    """``45–59`` for an age in years; None where it is not known."""
    if age is None or age != age:
        return None
    return next(band for end, band in _AGE_BANDS if age < end)


def _skin(rows: Split) -> list[str]:
    return [SKIN_TYPE, *(name for name in OTHER_SKIN if name in rows.table.column_names)]


def _values(rows: Split, column: str) -> list[Any]:
    values = rows.column(column)
    return [age_band(value) for value in values] if column == "age" else values


def _known(rows: Split, column: str) -> bool:
    return any(name != UNKNOWN for name in subgroup_names(_values(rows, column)).tolist())


def _divides(rows: Split, column: str) -> bool:
    """Whether at least two values are known, and not too many to be subgroups."""
    names = set(subgroup_names(_values(rows, column)).tolist()) - {UNKNOWN}
    return 2 <= len(names) <= MOST_VALUES


def _checked(rows: Split, asked: str) -> str:
    there = rows.table.column_names
    name = asked if asked in there else f"{SOURCE_PREFIX}{asked}"
    if name not in there:
        own = [column for column, *_ in COLUMNS]
        extra = [column for column in there if column not in own]
        raise UsageFault(
            f"'{rows.folder.name}' has no column '{asked}' to divide the images by",
            where="--by",
            hint=f"Take one of: {', '.join([*USUAL, *extra][:20])}",
        )
    if not _known(rows, name):
        raise UsageFault(
            f"{asked} is not known of any image of {rows.folder.name}/{rows.name}",
            where="--by",
            hint="Leave it out",
        )
    values = len(set(subgroup_names(_values(rows, name)).tolist()))
    if values > MOST_VALUES:
        raise UsageFault(
            f"{asked} has {values:,} different values, too many for subgroups",
            where="--by",
            hint=f"Take a column with at most {MOST_VALUES}",
        )
    return name
