"""Which split each image of a source goes into, given what was found of it and what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from dermctl.core.data.likeness import near_duplicates
from dermctl.core.data.past import Past, continued_recipe
from dermctl.datasets.division import Recipe, Rows, divide, to_withdraw
from dermctl.datasets.inspection import Inspection
from dermctl.datasets.near_duplicates.table import NearDuplicates
from dermctl.datasets.packer import Seen
from dermctl.datasets.reasons import Action
from dermctl.datasets.remembered import History
from dermctl.datasets.sources.base import SourceTable
from dermctl.datasets.splits import SPLITS
from dermctl.errors import DataError
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Shares:
    """How much is asked for, and with which seed; None: as before."""

    val: float | None = None
    test: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Placed:
    """Where the images are.

    Args:
        kept: rows of the source that are kept.
        rows: what the split depends on, of each of them.
        groups: group of each of them.
        splits: split of each of them.
        recipe: how they were divided.
        duplicates: the near-duplicates among them, and among those that were withdrawn.
        history: what is remembered from now on.
    """

    kept: list[int]
    rows: Rows
    groups: list[str]
    splits: list[str]
    recipe: Recipe
    duplicates: NearDuplicates
    history: History


def place_images(
    name: str,
    source: SourceTable,
    inspected: Inspection,
    past: Past,
    actions: Mapping[str, Action],
    shares: Shares,
    *,
    search: bool = True,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Placed:
    """Group the images and divide the groups; what conflicts with the past is rejected.

    Images that only their label drops are divided too: so another label moves no other image.

    Args:
        name: of the dataset.
        source: the rows.
        inspected: what was found of them; withdrawals are added to its findings.
        past: what the dataset was.
        actions: what each reason does.
        shares: what is asked for.
        search: whether to search for near-duplicates.
        workers: processes; None means one for each CPU core.
        progress: where to report.

    Raises:
        DataError: a split stays empty.
    """
    findings, seen = inspected.findings, inspected.seen
    usable = [row for row in sorted(seen) if row not in findings.unusable]
    duplicates = near_duplicates(
        source.table.column("image_id").to_pylist(),
        seen,
        usable,
        source.duplicates,
        search=search,
        workers=workers,
        progress=progress,
    )
    rows = _rows(source.table, usable, seen)
    asked = shares.val, shares.test, shares.seed
    recipe = continued_recipe(name, past, rows, *asked, near_duplicates=search, progress=progress)
    row_of = dict(zip(rows.image_ids, usable, strict=True))
    withdrawals = to_withdraw(rows, past.splits, recipe.official, duplicates.ids())
    for gone in withdrawals:
        findings.found(row_of[gone.image_id], gone.reason, past.explain(gone), actions)
    usable = [row for row in usable if row not in findings.unusable]
    rows = _rows(source.table, usable, seen)
    groups, assignment = divide(name, rows, recipe, past.splits, duplicates.ids())
    now_in = dict(zip(rows.image_ids, assignment.splits, strict=True))
    kept = [place for place, row in enumerate(usable) if row not in findings.rejected]
    splits = [assignment.splits[place] for place in kept]
    _refuse_emptied(assignment.splits, splits)
    return Placed(
        kept=[usable[place] for place in kept],
        rows=rows.take(kept),
        groups=[groups[place] for place in kept],
        splits=splits,
        recipe=recipe,
        duplicates=duplicates,
        history=past.history.grown(now_in, withdrawals),
    )


def _rows(table: pa.Table, kept: Sequence[int], seen: Mapping[int, Seen]) -> Rows:
    """What the split depends on, of the rows that are kept."""
    rows = table.take(pa.array(kept, pa.int64()))

    def column(key: str) -> list[Any]:
        values: list[Any] = rows.column(key).to_pylist()
        return values

    return Rows(
        image_ids=column("image_id"),
        patient_ids=column("patient_id"),
        lesion_ids=column("lesion_id"),
        sha256s=[seen[row].sha256 for row in kept],
        labels=column("finest_label"),
        skin_types=column("fitzpatrick"),
        official=column("split"),
    )


def _refuse_emptied(divided: Sequence[str], kept: Sequence[str]) -> None:
    """A split may hold nothing but images that their label drops."""
    for split in SPLITS:
        if split in divided and split not in kept:
            raise DataError(
                f"no image with a class is left in the {split} split",
                hint="Choose another --label, or leave --min-class out",
            )
