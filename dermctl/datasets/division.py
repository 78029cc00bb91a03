"""Dividing a dataset, given the split it had before and what its publisher prescribes.

Validation and test splits that a publisher gives hold exactly the publisher's images: no other
group is put there. A publisher's train split is no more than what is left: where the publisher
gives no validation or no test split, ours is drawn from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dermctl.datasets.groups import group_images, row_pairs
from dermctl.datasets.history import (
    WITHDRAWN,
    Withdrawal,
    fixed_groups,
    official_history,
    reconcile,
)
from dermctl.datasets.splits import TEST, VAL, Assignment, assign_splits

GROUPED_BY = ("patient", "lesion", "identical bytes", "published duplicates")
NEAR_DUPLICATES = "near-duplicates"
STRATIFIED_ON = ("finest label", "skin type")

ImagePairs = Sequence[tuple[str, str]]
"""Pairs of image ids; an id that is no row's links nothing."""


@dataclass(frozen=True)
class Recipe:
    """How a dataset is divided.

    Args:
        val, test: shares of the images, in [0, 1).
        seed: another seed, another division of like groups.
        official: held-out splits that are the publisher's.
        near_duplicates: whether pictures were compared to find near-duplicates.
    """

    val: float = 0.1
    test: float = 0.2
    seed: int = 0
    official: tuple[str, ...] = ()
    near_duplicates: bool = True

    def changed(self, val: float | None, test: float | None, seed: int | None) -> Recipe:
        """With what was asked for; None leaves a value as it is."""
        return replace(
            self,
            val=self.val if val is None else val,
            test=self.test if test is None else test,
            seed=self.seed if seed is None else seed,
        )

    def assign(
        self,
        groups: Sequence[str],
        labels: Sequence[str | None],
        skin_types: Sequence[int | None],
        fixed: Mapping[str, str],
    ) -> Assignment:
        """Divide rows whose groups are known; groups in ``fixed`` stay where they are.

        The dataset's name in a group's (``groups.group_ids``) decides nothing: under another name
        the same images are divided alike.

        Raises:
            DataError: shares out of range, or a split that stays empty.
        """
        fixed = {_nameless(group): split for group, split in fixed.items()}
        return assign_splits(
            [_nameless(group) for group in groups],
            labels,
            val=0 if VAL in self.official else self.val,
            test=0 if TEST in self.official else self.test,
            seed=self.seed,
            skin_types=skin_types,
            fixed=fixed,
        )

    def __str__(self) -> str:
        given = f", {' and '.join(self.official)} as published" if self.official else ""
        unsearched = "" if self.near_duplicates else ", near-duplicates not searched for"
        return f"val {self.val:g}, test {self.test:g}, seed {self.seed}{given}{unsearched}"

    def to_json(self) -> dict[str, Any]:
        """As it stands in manifests and in dataset.json."""
        plain = {
            "val": self.val,
            "test": self.test,
            "seed": self.seed,
            "grouped_by": [*GROUPED_BY, *([NEAR_DUPLICATES] if self.near_duplicates else [])],
            "stratified_on": list(STRATIFIED_ON),
            "near_duplicates": "found and verified" if self.near_duplicates else "not searched for",
        }
        return {**plain, "official": list(self.official)} if self.official else plain

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Recipe:
        """The reverse of ``to_json``."""
        official = tuple(str(split) for split in found.get("official", ()))
        searched = NEAR_DUPLICATES in found["grouped_by"]
        plain = float(found["val"]), float(found["test"]), int(found["seed"])
        return cls(*plain, official, searched)


def _nameless(group: str) -> str:
    return group.partition(":")[2]


@dataclass(frozen=True)
class Rows:
    """The rows to divide, column by column, [n] each; image ids are unique, None is unknown."""

    image_ids: list[str]
    patient_ids: list[str | None]
    lesion_ids: list[str | None]
    sha256s: list[str]
    labels: list[str | None]
    skin_types: list[int | None]
    official: list[str | None]

    def take(self, places: Sequence[int]) -> Rows:
        """The rows at ``places``, in that order."""
        columns = vars(self).values()
        return Rows(*([column[place] for place in places] for column in columns))

    def without(self, image_ids: set[str]) -> Rows:
        """All rows but those of these images."""
        return self.take([n for n, name in enumerate(self.image_ids) if name not in image_ids])

    def groups(self, name: str, duplicates: ImagePairs = ()) -> list[str]:
        """Group of each row in the dataset ``name``; ``duplicates`` show the same skin."""
        pairs = row_pairs(duplicates, self.image_ids)
        ids = self.patient_ids, self.lesion_ids, self.sha256s
        return group_images(*ids, pairs, self.image_ids, name)


def published_splits(official: Sequence[str | None]) -> tuple[str, ...]:
    """The held-out splits that a publisher's column gives."""
    return tuple(split for split in (VAL, TEST) if split in official)


def to_withdraw(
    rows: Rows,
    past: Mapping[str, str],
    official: Sequence[str],
    duplicates: ImagePairs = (),
) -> list[Withdrawal]:
    """The images to leave out so that all others keep the split they had or were published in.

    Args:
        rows: all that would be kept otherwise.
        past: split of each image that had one, or ``history.WITHDRAWN``.
        official: held-out splits that are the publisher's.
        duplicates: pairs of images that show the same skin.

    Raises:
        DataError: the publisher's column names a split that does not exist.
    """
    first: list[Withdrawal] = []
    if official:
        # The published train split is checked against the published held-out ones by itself:
        # what is drawn from it later may well be linked to the rest of it.
        published = official_history(rows.image_ids, rows.official)
        known = {name: past.get(name, published.get(name, "")) for name in rows.image_ids}
        ours = {name for name in past if known.get(name) not in official}
        part = rows.without(ours)
        splits = {name: split for name, split in known.items() if split}
        first = _reconciled(part, splits, duplicates)
    rest = rows.without({withdrawal.image_id for withdrawal in first})
    return sorted([*first, *_reconciled(rest, held(rest, past, official), duplicates)])


def held(rows: Rows, past: Mapping[str, str], official: Sequence[str]) -> dict[str, str]:
    """Image -> the split it stays in: the one it had, else a published one that is held out."""
    published = official_history(rows.image_ids, rows.official)
    fixed = {name: split for name, split in published.items() if split in official}
    return fixed | {name: past[name] for name in rows.image_ids if name in past}


def divide(
    name: str,
    rows: Rows,
    recipe: Recipe,
    past: Mapping[str, str],
    duplicates: ImagePairs = (),
) -> tuple[list[str], Assignment]:
    """Group the rows that are left after ``to_withdraw``, and divide the groups.

    Args:
        name: of the dataset.
        rows: what is left.
        recipe: how to divide.
        past: split of each image that had one.
        duplicates: pairs of images that show the same skin.

    Returns:
        Group of each row, and the assignment.

    Raises:
        DataError: shares out of range, or a split that stays empty.
    """
    groups = rows.groups(name, duplicates)
    fixed = fixed_groups(groups, rows.image_ids, held(rows, past, recipe.official))
    return groups, recipe.assign(groups, rows.labels, rows.skin_types, fixed)


def _reconciled(rows: Rows, known: Mapping[str, str], duplicates: ImagePairs) -> list[Withdrawal]:
    return reconcile(
        rows.image_ids,
        known,
        patient_ids=rows.patient_ids,
        lesion_ids=rows.lesion_ids,
        sha256s=rows.sha256s,
        near_duplicate_pairs=row_pairs(duplicates, rows.image_ids),
    )


def keeps_its_split(past: Mapping[str, str], image_ids: Sequence[str]) -> int:
    """How many of these images were in a split before."""
    return sum(past.get(name, WITHDRAWN) != WITHDRAWN for name in image_ids)
