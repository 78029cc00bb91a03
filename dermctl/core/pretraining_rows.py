"""Which images of a pretraining belong together: numbers a row, over all its datasets."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dermctl.datasets.columns import codes
from dermctl.datasets.groups import connected_groups
from dermctl.datasets.prepared import Split

IntArray = npt.NDArray[np.int32]


def group_numbers(splits: Sequence[Split]) -> IntArray:
    """The same number for images of one group: one patient, one lesion, one picture.

    What holds the same file in two datasets is one group over both.
    """
    return _joined(splits, _numbered(splits, "group_id", [split.folder for split in splits]))


def lesion_numbers(splits: Sequence[Split]) -> IntArray:
    """The same number for images of one lesion; an image without a lesion id is one of its own.

    A group will not do: that of a patient holds his naevus and his carcinoma. What holds the same
    file in two datasets is one lesion.
    """
    return _joined(splits, _numbered(splits, "lesion_id", [split.folder for split in splits]))


def label_numbers(splits: Sequence[Split]) -> IntArray:
    """The same number for images of one class; an image without a label is a class of its own.

    Classes of two datasets are the same where they are read from columns of the same name.
    """
    return _numbered(splits, "label", [str(split.description["label"]) for split in splits])


def _joined(splits: Sequence[Split], numbers: IntArray) -> IntArray:
    """One number for those that have a file in common, in datasets prepared of the same images."""
    if len({split.folder for split in splits}) < 2:
        return numbers
    files = _column_numbers([split.table.column("sha256") for split in splits])
    order = np.argsort(files, kind="stable")
    again = np.flatnonzero(np.diff(files[order]) == 0)  # each with the next holds one file
    links = np.stack([numbers[order[again]], numbers[order[again + 1]]], axis=1)
    joined = connected_groups(int(numbers.max(initial=-1)) + 1, [links])
    return joined.astype(np.int32)[numbers]


def _numbered(splits: Sequence[Split], name: str, spaces: Sequence[Hashable]) -> IntArray:
    """Equal values of a column get equal numbers, each unknown one a number of its own: int32 [N].

    Args:
        splits: one after another.
        name: of the column.
        spaces: one a split: values of two splits are equal in equal spaces only.
    """
    found, first = [np.empty(0, np.int32)] * len(splits), 0
    for space in dict.fromkeys(spaces):
        members = [number for number, own in enumerate(spaces) if own == space]
        numbers = first + _column_numbers([splits[each].table.column(name) for each in members])
        first = int(numbers.max(initial=first - 1)) + 1
        ends = np.cumsum([len(splits[each]) for each in members])
        for each, part in zip(members, np.split(numbers, ends[:-1]), strict=True):
            found[each] = part
    return np.concatenate([np.empty(0, np.int32), *found])


def _column_numbers(columns: Sequence[pa.ChunkedArray]) -> IntArray:
    """The numbers of one column in several parts, from 0 on."""
    numbers, values = codes(
        pa.chunked_array([c for each in columns for c in _encoded(each).chunks])
    )
    unknown = (numbers < 0) | (numbers == pc.index(values, "").as_py())
    numbers = numbers.copy()
    numbers[unknown] = len(values) + np.arange(int(unknown.sum()), dtype=np.int32)
    return numbers


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column
    return column.cast(pa.string()).dictionary_encode()
