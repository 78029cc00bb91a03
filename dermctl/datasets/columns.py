"""Columns of a table read without a Python object a row: a million strings would take 60 MB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_AT_ONCE = 65_536
"""Values that are Python objects at a time."""


class Strings(Sequence[str]):
    """A column of strings that makes them as they are asked for; none may be null.

    Args:
        column: of type string.
    """

    def __init__(self, column: pa.Array | pa.ChunkedArray) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return Strings(self._column[index])
        value: str = self._column[index].as_py()
        return value

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self._column), _AT_ONCE):
            yield from self._column.slice(start, _AT_ONCE).to_pylist()


class Codes(NamedTuple):
    """A column as numbers.

    Args:
        numbers: int32 [N] into ``values``; -1: null.
        values: the different values, each of which occurs.
    """

    numbers: npt.NDArray[np.int32]
    values: pa.Array


def codes(column: pa.ChunkedArray) -> Codes:
    """Equal values get equal numbers.

    Args:
        column: of any type; one that is dictionary-encoded already costs least.
    """
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    numbers = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    numbers = numbers.astype(np.int32, copy=False)
    used = np.zeros(len(encoded.dictionary) + 1, bool)
    used[numbers] = True  # null, -1, is the last
    if used[:-1].all():
        return Codes(numbers, encoded.dictionary)
    anew = np.append(np.cumsum(used[:-1], dtype=np.int32) - 1, np.int32(-1))
    return Codes(anew[numbers], encoded.dictionary.filter(pa.array(used[:-1])))
