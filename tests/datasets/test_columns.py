"""Columns as numbers and as strings made one by one: what plain Python lists say."""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.datasets import columns as module
from dermctl.datasets.columns import Strings, codes

CELLS = st.lists(st.lists(st.one_of(st.none(), st.text(max_size=2)), max_size=9), max_size=4)


@given(CELLS)
@settings(max_examples=50, deadline=None)
def test_codes_tell_equal_values_from_others(chunks: list[list[str | None]]) -> None:
    cells = [cell for chunk in chunks for cell in chunk]
    numbers, values = codes(
        pa.chunked_array([pa.array(c, pa.string()) for c in chunks], pa.string())
    )
    assert values.to_pylist() == [cell for cell in dict.fromkeys(cells) if cell is not None]
    assert numbers.dtype == np.int32
    back = [None if number < 0 else values[number].as_py() for number in numbers.tolist()]
    assert back == cells


@given(CELLS, st.randoms())
@settings(max_examples=50, deadline=None)
def test_codes_of_what_is_encoded_already_know_what_is_left_only(
    chunks: list[list[str | None]], random: Random
) -> None:
    arrays = [pa.array(chunk, pa.string()).dictionary_encode() for chunk in chunks]
    column = pa.chunked_array(arrays, pa.dictionary(pa.int32(), pa.string()))
    kept = [random.random() < 0.5 for _ in range(len(column))]
    column = column.filter(pa.array(kept, pa.bool_()))
    numbers, values = codes(column)
    cells = column.to_pylist()
    assert sorted(values.to_pylist()) == sorted({cell for cell in cells if cell is not None})
    back = [None if number < 0 else values[number].as_py() for number in numbers.tolist()]
    assert back == cells


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_strings_are_those_of_the_column(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    cells = [f"ä{number}" for number in range(8)]
    strings = Strings(pa.chunked_array([cells[:5], cells[5:]]))
    assert list(strings) == cells
    assert len(strings) == len(cells)
    assert [strings[place] for place in range(8)] == cells
    assert list(strings[2:7]) == cells[2:7]
    assert list(Strings(pa.array(cells))) == cells
