"""Which labelled rows a fine-tuning takes: a fraction of them, or one fold of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from dermctl.datasets.folds import grouped_folds
from dermctl.datasets.prepared import Split
from dermctl.datasets.splits import TRAIN, assign_splits
from dermctl.errors import DataError


@dataclass(frozen=True)
class Fold:
    """One fold of a cross-validation: ``number`` of ``folds``, from 0, divided by ``seed``."""

    number: int
    folds: int
    seed: int

    def __str__(self) -> str:
        return f"fold {self.number + 1} of {self.folds}"


def take_fraction(train: Split, fraction: float, seed: int) -> Split:
    """A share of the training images: whole groups, each class in its share, one at least a class.

    Raises:
        DataError: so few that there is nothing to take.
    """
    if fraction >= 1:
        return train
    groups, labels = train.column("group_id"), train.column("label")
    left_out = assign_splits(groups, labels, val=1 - fraction, test=0.0, seed=seed)
    part = train.where([split == TRAIN for split in left_out.splits])
    if not len(part):
        raise DataError(
            f"a fraction of {fraction:g} of {len(train)} images is none",
            where="--label-fraction",
            hint="Take a larger fraction",
        )
    return part


def divide(train: Split, val: Split, fold: Fold) -> tuple[Split, Split]:
    """Train and validation of one fold of a cross-validation over both; test stays untouched.

    Groups are never divided, and each fold holds about its share of each class.

    Args:
        train: the training rows.
        val: the validation rows.
        fold: which part of them becomes validation.

    Raises:
        DataError: fewer groups than folds.
    """
    both = pa.concat_tables([train.table, val.table])
    joined = Split(train.folder, train.name, both, train.description, train.sha256)
    numbers = grouped_folds(
        joined.column("group_id"), joined.column("label"), fold.folds, fold.seed
    )
    inside: Sequence[bool] = [number == fold.number for number in numbers]
    held = joined.where(inside)
    held = Split(val.folder, val.name, held.table, val.description, val.sha256)
    return joined.where([not own for own in inside]), held
