"""Metadata as numbers: standardised, one-hot, missing values marked, nothing silently dropped."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from dermctl.datasets.metadata import MAX_VALUES, MetadataCode, fit_metadata
from dermctl.errors import DataError

COLUMNS = {
    "age": [40.0, None, 60.0, 50.0, float("nan")],
    "sex": ["female", "male", None, "female", " male "],
    "site": ["back", "arm", "back", "", None],
}


def test_numbers_are_standardised_and_their_lack_is_marked() -> None:
    found = fit_metadata(COLUMNS, ["age"]).encode(COLUMNS)
    wanted = StandardScaler().fit_transform([[40.0], [60.0], [50.0]])[:, 0]
    assert found[[0, 2, 3], 0] == pytest.approx(wanted, abs=1e-6)
    assert found[:, 1].tolist() == [0, 1, 0, 0, 1]
    assert found[[1, 4], 0].tolist() == [0, 0]


def test_categories_are_one_hot_and_their_lack_is_marked() -> None:
    code = fit_metadata(COLUMNS, ["sex"])
    found = code.encode(COLUMNS)
    texts = [["female"], ["male"], [""], ["female"], ["male"]]
    peer = OneHotEncoder(categories=[["female", "male", ""]], sparse_output=False)
    assert found.tolist() == peer.fit_transform(texts).tolist()
    assert code.unseen({"sex": ["diverse", "female", None]}) == {"sex": ["diverse"]}
    assert code.encode({"sex": ["diverse"]}).tolist() == [[0, 0, 1]]


def test_it_survives_a_checkpoint() -> None:
    code = fit_metadata(COLUMNS, ["age", "sex", "site"])
    again = MetadataCode.from_plain(json.loads(json.dumps(code.to_plain())))
    assert again == code
    assert again.width == 2 + 3 + 3
    assert np.array_equal(again.encode(COLUMNS), code.encode(COLUMNS))


ANYTHING = st.one_of(st.none(), st.floats(width=32), st.text(max_size=4))


@given(st.lists(ANYTHING, min_size=1, max_size=20))
def test_whatever_stands_in_a_column_the_code_is_finite(values: list[object]) -> None:
    columns = {"x": values, "y": [1.0] * len(values)}
    try:
        code = fit_metadata(columns, ["x", "y"])
    except DataError:
        return
    found = code.encode(columns)
    assert found.shape == (len(values), code.width)
    assert np.isfinite(found).all()
    for value, row in zip(values, code.fields[0].encode(values), strict=True):
        lacks = (
            value is None
            or not str(value).strip()
            or (isinstance(value, float) and math.isnan(value))
        )
        assert not lacks or row[-1] == 1


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"sex": ["male"]}, "there is no column 'age'"),
        ({"age": [None, float("nan")]}, "is empty in every training row"),
        ({"age": [f"note {n}" for n in range(MAX_VALUES + 1)]}, "it is no category"),
    ],
)
def test_columns_that_cannot_serve(columns: dict[str, list[object]], words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_metadata(columns, ["age"])


def test_a_dataset_without_the_column_is_named() -> None:
    with pytest.raises(DataError, match="not in this dataset: site"):
        fit_metadata(COLUMNS, ["age", "site"]).encode({"age": [1.0]})
