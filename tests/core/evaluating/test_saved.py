"""An evaluation's files, read again: damage is one clear line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermctl.core.evaluating.saved import read_document, read_predictions
from dermctl.errors import DataError

COLUMNS = {
    "image_id": ["b", "a", "c"],
    "sha256": ["2", "1", "3"],
    "label": ["nevus", "melanoma", "nevus"],
    "group_id": ["g", "g", "h"],
    "prob_nevus": [0.9, 0.2, 0.7],
    "prob_melanoma": [0.1, 0.8, 0.3],
}


def written(folder: Path, **columns: list[object]) -> Path:
    path = folder / "predictions.parquet"
    pq.write_table(pa.table({**COLUMNS, **columns}), path)
    return path


def test_predictions_come_back_sorted_by_their_hashes(tmp_path: Path) -> None:
    saved = read_predictions(written(tmp_path), ["nevus", "melanoma"])
    assert saved.image_ids == ("a", "b", "c")
    assert saved.hashes == ("1", "2", "3")
    assert saved.groups == ("g", "g", "h")
    assert saved.labels.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(saved.probabilities, [[0.2, 0.8], [0.9, 0.1], [0.7, 0.3]])


def test_predictions_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(DataError, match="lack prob_other"):
        read_predictions(path, ["nevus", "melanoma", "other"])
    with pytest.raises(DataError, match="none of the classes: wart"):
        read_predictions(written(tmp_path, label=["nevus", "wart", "nevus"]), ["nevus", "melanoma"])
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="missing or damaged") as caught:
        read_predictions(path, ["nevus", "melanoma"])
    assert caught.value.where == str(path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"class_names": {}}'])
def test_a_document_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(DataError, match="results") as caught:
        read_document(path)
    assert caught.value.where == str(path)
