"""Which images of a pretraining belong together: numbers a row, over all its datasets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from dermctl.datasets.prepared import Split

IntArray = npt.NDArray[np.int64]


def group_numbers(splits: Sequence[Split]) -> IntArray:
    """The same number for images of one group: one patient, one lesion, one picture."""
    return _numbered(
        (split.folder, group) for split in splits for group in split.column("group_id")
    )


def lesion_numbers(splits: Sequence[Split]) -> IntArray:
    """The same number for images of one lesion; an image without a lesion id is one of its own.

    A group will not do: that of a patient holds his naevus and his carcinoma.
    """
    return _numbered(
        (split.folder, lesion) if lesion else None
        for split in splits
        for lesion in split.column("lesion_id")
    )


def label_numbers(splits: Sequence[Split]) -> IntArray:
    """The same number for images of one class; an image without a label is a class of its own.

    Classes of two datasets are the same where they are read from columns of the same name.
    """
    return _numbered(
        (str(split.description["label"]), label) if label is not None else None
        for split in splits
        for label in split.column("label")
    )


def _numbered(keys: Iterable[Hashable | None]) -> IntArray:
    """Equal keys get equal numbers, counted from 0 by first appearance; each None a new one."""
    numbers: dict[Hashable, int] = {}
    found = [numbers.setdefault(object() if key is None else key, len(numbers)) for key in keys]
    return np.array(found, np.int64)
