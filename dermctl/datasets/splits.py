"""Dividing groups between train, validation and test.

A group is never divided. Shares are met label by label and, where it is known, skin type by
skin type (:mod:`dermctl.datasets.balance` states the objective). Groups that already have a
split keep it (:mod:`dermctl.datasets.history`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from dermctl.datasets.balance import MILLION, Balance, Strata, count_strata, share_out, tie_break
from dermctl.errors import DataError

TRAIN, VAL, TEST = "train", "val", "test"
SPLITS = (TRAIN, VAL, TEST)

EVERY_IMAGE = ("all", "")
"""The stratum every image belongs to: keeps the splits' sizes, and no split empty."""


@dataclass(frozen=True)
class Assignment:
    """Which split every group and every row belongs to.

    Args:
        by_group: split of each group id.
        splits: [n] split of each row.
        untestable: labels that are missing from validation or test, with the number of groups
            that hold them.
    """

    by_group: dict[str, str]
    splits: list[str]
    untestable: dict[str, int] = field(default_factory=dict)


def assign_splits(
    group_ids: Sequence[str],
    labels: Sequence[str | None],
    *,
    val: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    skin_types: Sequence[str | int | None] | None = None,
    fixed: Mapping[str, str] | None = None,
) -> Assignment:
    """Assign every group to a split.

    The result is a local optimum of the balance objective: no single move of a free group
    would bring the shares nearer to what was asked. It depends on the seed, the ids, the
    labels and ``fixed``, never on the order of the rows or on the machine. A label held by
    fewer free groups than there are splits to fill stays in train.

    Args:
        group_ids: [n] group of each row (:func:`dermctl.datasets.groups.group_images`).
        labels: [n] finest label of each row; ``None`` or ``""`` where there is none.
        val: share of the images for validation, in [0, 1).
        test: share of the images for test, in [0, 1); ``val + test`` < 1.
        seed: another seed, another division of like groups.
        skin_types: [n] skin type of each row, ``None`` or ``""`` where unknown.
        fixed: groups that already have a split and keep it; others fill what is short. A
            split whose share is 0 takes no new groups, and the shares then count the images
            outside of it: with an official test split, pass ``test=0`` and fix its groups.

    Raises:
        DataError: shares out of range, a split that stays empty, or an unknown split name.
    """
    shares = _shares(val, test)
    rows_of = _rows_of_groups(group_ids)
    held = {group: split for group, split in (fixed or {}).items() if group in rows_of}
    unknown = sorted(set(held.values()) - set(SPLITS))
    if unknown:
        raise DataError(f"unknown split {unknown[0]!r}", hint=f"Name one of: {', '.join(SPLITS)}")

    names = sorted(group for group in rows_of if held.get(group, TRAIN) in shares)
    strata_of_rows = _strata_of_rows(labels, skin_types, len(group_ids))
    strata = count_strata([rows_of[name] for name in names], strata_of_rows)
    by_group = held | _fill(names, strata, shares, held, seed)

    splits = [by_group[group] for group in group_ids]
    _refuse_empty(splits, shares)
    return Assignment(by_group, splits, _untestable(group_ids, labels, by_group, shares))


def _shares(val: float, test: float) -> dict[str, int]:
    """Share in millionths of each split that takes new groups."""
    for name, share in ((VAL, val), (TEST, test)):
        if not math.isfinite(share) or share < 0:
            raise DataError(
                f"the {name} share is {share}", hint="Give a share of at least 0 and below 1"
            )
    millionths = {VAL: round(val * MILLION), TEST: round(test * MILLION)}
    millionths = {TRAIN: MILLION - sum(millionths.values()), **millionths}
    if millionths[TRAIN] <= 0:
        raise DataError(
            f"val {val} and test {test} leave nothing to train on",
            hint="Give shares that sum to less than 1, such as --val 0.1 --test 0.2",
        )
    return {name: share for name, share in millionths.items() if share > 0}


def _rows_of_groups(group_ids: Sequence[str]) -> dict[str, list[int]]:
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(group_ids):
        rows_of[group].append(row)
    return dict(rows_of)


def _strata_of_rows(
    labels: Sequence[str | None], skin_types: Sequence[str | int | None] | None, n: int
) -> list[list[Hashable]]:
    strata: list[list[Hashable]] = [[EVERY_IMAGE] for _ in range(n)]
    for kind, values in (("label", labels), ("skin type", skin_types or [None] * n)):
        for row, value in zip(strata, values, strict=True):
            if value is not None and value != "":
                row.append((kind, value))
    return strata


def _fill(
    names: Sequence[str],
    strata: Strata,
    shares: Mapping[str, int],
    held: Mapping[str, str],
    seed: int,
) -> dict[str, str]:
    """Assign the groups ``names`` that are not held, on top of those that are."""
    parts = list(shares)
    scarce, everywhere = _presence(strata, len(parts))
    balance = Balance(list(shares.values()), strata.sizes, everywhere)
    settled: dict[str, str] = {}
    free = []
    for position, (name, group) in enumerate(zip(names, strata.groups, strict=True)):
        if name in held:
            settled[name] = held[name]
        elif any(stratum in scarce for stratum, _ in group):
            settled[name] = TRAIN
        else:
            free.append(position)
            continue
        balance.move(parts.index(settled[name]), group, 1)

    ties = [tie_break(seed, names[position]) for position in free]
    found = share_out(balance, [strata.groups[position] for position in free], ties)
    return settled | {
        names[position]: parts[part] for position, part in zip(free, found, strict=True)
    }


def _presence(strata: Strata, parts: int) -> tuple[set[int], set[int]]:
    """Label strata with too few groups to be in every part, and strata that must be there."""
    scarce, everywhere = set(), set()
    for stratum, (name, spread) in enumerate(zip(strata.names, strata.spread, strict=True)):
        is_label = isinstance(name, tuple) and name[0] == "label"
        if is_label and spread < parts:
            scarce.add(stratum)
        elif is_label or name == EVERY_IMAGE:
            everywhere.add(stratum)
    return scarce, everywhere


def _refuse_empty(splits: Sequence[str], shares: Mapping[str, int]) -> None:
    for name in shares:
        if name not in splits:
            flags = "--val or --test" if name == TRAIN else f"--{name}"
            raise DataError(
                f"no group is left for the {name} split",
                hint=f"Add images of other patients or lesions, or change {flags}",
            )


def _untestable(
    group_ids: Sequence[str],
    labels: Sequence[str | None],
    by_group: Mapping[str, str],
    shares: Mapping[str, int],
) -> dict[str, int]:
    """Labels missing from a held-out split, with their number of groups."""
    held_out = {split for split in (*shares, *by_group.values()) if split != TRAIN}
    groups_of: dict[str, set[str]] = defaultdict(set)
    for group, label in zip(group_ids, labels, strict=True):
        if label:
            groups_of[label].add(group)
    return {
        label: len(groups)
        for label, groups in sorted(groups_of.items())
        if not held_out <= {by_group[group] for group in groups}
    }
