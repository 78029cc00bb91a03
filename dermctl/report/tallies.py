"""Counting a manifest's columns for the tables of a dataset's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Row:
    """Images with one value, split by split; ``unknown``: the row of those without a value."""

    name: str
    counts: tuple[int, ...]
    unknown: bool = False


@dataclass(frozen=True)
class CrossTable:
    """Images by value (rows) and split (columns).

    Args:
        heading: what the rows are.
        columns: the splits.
        rows: values in order, the unknown last.
        totals: images of each split.
    """

    heading: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: tuple[int, ...]

    @property
    def known(self) -> tuple[Row, ...]:
        """The rows that stand for a value."""
        return tuple(row for row in self.rows if not row.unknown)


def cross_table(
    heading: str,
    values: Sequence[Any],
    splits: Sequence[str],
    columns: Sequence[str],
    *,
    name: Callable[[Any], str] = str,
    most_first: bool = False,
    unknown: str = UNKNOWN,
) -> CrossTable:
    """Count ``values`` by split.

    Args:
        heading: what the values are.
        values: [n], None where unknown.
        splits: [n] split of each image.
        columns: the splits to show, in order.
        name: how a value is written.
        most_first: order by count instead of by value.
        unknown: what the row of images without a value is called.
    """
    cells = Counter(zip(values, splits, strict=True))
    totals = Counter(values)
    known = sorted(value for value in totals if value is not None)
    if most_first:
        known.sort(key=lambda value: -totals[value])
    rows = [Row(name(value), tuple(cells[value, split] for split in columns)) for value in known]
    if totals[None]:
        rows.append(Row(unknown, tuple(cells[None, split] for split in columns), unknown=True))
    per_split = Counter(splits)
    return CrossTable(
        heading, tuple(columns), tuple(rows), tuple(per_split[split] for split in columns)
    )


@dataclass(frozen=True)
class Spread:
    """Where a set of numbers lies."""

    known: int
    low: float
    lower_quartile: float
    median: float
    upper_quartile: float
    high: float


def spread(values: Sequence[float | None]) -> Spread | None:
    """Median, quartiles and range of what is known; None where nothing is."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    if len(known) == 1:
        quartiles = (known[0], known[0])
    else:
        cuts = quantiles(known, n=4, method="inclusive")
        quartiles = (cuts[0], cuts[2])
    return Spread(len(known), known[0], quartiles[0], median(known), quartiles[1], known[-1])


@dataclass(frozen=True)
class GroupSizes:
    """How many images belong together.

    Args:
        sizes: label of a size, groups of that size, images in them.
        groups: number of groups.
        largest: images in the largest one.
    """

    sizes: tuple[tuple[str, int, int], ...]
    groups: int
    largest: int


# Upper ends of the classes of group size.
_SIZE_ENDS = (1, 2, 5, 10, 50)


def group_sizes(groups: Sequence[str]) -> GroupSizes:
    """Groups by the number of their images."""
    sizes = list(Counter(groups).values())
    table, low = [], 1
    for high in (*_SIZE_ENDS, None):
        inside = [size for size in sizes if size >= low and (high is None or size <= high)]
        label = str(low) if high == low else f"{low}–{high}" if high else f"{low} and more"
        if inside:
            table.append((label, len(inside), sum(inside)))
        low = low if high is None else high + 1
    return GroupSizes(tuple(table), len(sizes), max(sizes, default=0))
