"""Which rows are dropped before any pixel is seen, and for which one reason."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dermctl.datasets.reasons import resolve_actions
from dermctl.datasets.screening import (
    Findings,
    byte_identical,
    label_conflicts,
    screen_rows,
    small_classes,
)
from dermctl.datasets.sources.base import COMMON_SCHEMA

DEFAULT = resolve_actions()


def source(*rows: dict[str, Any]) -> pa.Table:
    """A source's table; a row is whole but for what is given."""
    whole = {"path": "images/a.jpg", "expected": "images/a.jpg", "label": "nevus"}
    filled = [
        {**whole, "image_id": f"id-{number}", "line": number + 2, **row}
        for number, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(filled, schema=COMMON_SCHEMA)


def test_sound_rows_are_kept_in_order() -> None:
    findings = screen_rows(source({}, {}, {}), DEFAULT)
    assert findings.rejected == {}
    assert findings.kept(3) == [0, 1, 2]


def test_each_reason_and_its_detail() -> None:
    table = source(
        {"path": None, "expected": "images/b.jpg"},
        {"path": None, "expected": None},
        {"label": None},
        {"license": None},
        {"license": "cc-by-nc"},
        {"license": "cc-0"},
    )
    found = screen_rows(table, DEFAULT, licenses=("cc-0", "cc-by"), raw_label="diagnosis").rejected
    assert found == {
        0: ("missing_file", "looked for images/b.jpg"),
        1: ("missing_file", "the row names no file to look for"),
        2: ("missing_label", "'diagnosis' is empty"),
        3: ("license_excluded", "licence unknown"),
        4: ("license_excluded", "licence cc-by-nc"),
    }


def test_the_first_reason_wins() -> None:
    table = source({"path": None, "label": None, "license": "x"})
    assert screen_rows(table, DEFAULT, licenses=("cc-0",)).rejected[0][0] == "missing_file"


def test_a_table_without_labels_lacks_none() -> None:
    table = source({"label": None})
    assert screen_rows(table, DEFAULT, labelled=False).rejected == {}
    assert screen_rows(table, DEFAULT, labelled=True).rejected.keys() == {0}


def test_of_one_id_the_first_row_is_kept() -> None:
    table = source({"image_id": "x"}, {}, {"image_id": "x"}, {"image_id": "x"})
    detail = "'x' occurs already in line 2"
    assert screen_rows(table, DEFAULT).rejected == {
        2: ("duplicate_id", detail),
        3: ("duplicate_id", detail),
    }


def test_a_row_that_is_dropped_anyway_does_not_take_its_twin_along() -> None:
    table = source({"image_id": "x", "label": None}, {"image_id": "x"})
    found = screen_rows(table, DEFAULT)
    assert found.kept(2) == [1]


def test_one_id_under_two_labels_is_kept_under_neither() -> None:
    table = source({"image_id": "x"}, {}, {"image_id": "x", "label": "melanoma"})
    rejected = screen_rows(table, DEFAULT).rejected
    assert {row: code for row, (code, _) in rejected.items()} == {
        0: "label_conflict",
        2: "duplicate_id",
    }
    assert "nevus" in rejected[0][1]
    assert "melanoma" in rejected[0][1]


def test_keep_turns_a_rejection_into_a_note() -> None:
    actions = resolve_actions(keep=["missing_label"])
    findings = screen_rows(source({"label": None}, {"label": None}, {}), actions)
    assert findings.rejected == {}
    assert findings.noted == {"missing_label": 2}


def test_a_dropped_row_is_not_noted_again() -> None:
    findings = Findings()
    findings.found(0, "truncated", "ends early", DEFAULT)
    findings.found(0, "cmyk", "", DEFAULT)
    findings.found(1, "cmyk", "", DEFAULT)
    findings.found(0, "zero_bytes", "later", DEFAULT)
    assert findings.rejected == {0: ("truncated", "ends early")}
    assert findings.noted == {"cmyk": 1}


LABELS = st.lists(st.sampled_from(["a", "b", None]), max_size=12)


@given(LABELS, st.data())
def test_conflicts_are_the_hashes_with_two_labels(
    labels: list[str | None], data: st.DataObject
) -> None:
    hashes = {row: data.draw(st.sampled_from("xyz")) for row in range(len(labels))}
    wanted = {
        row
        for row in hashes
        if {"a", "b"} <= {labels[other] for other in hashes if hashes[other] == hashes[row]}
    }
    found = label_conflicts(hashes, labels)
    assert found.keys() == wanted
    assert set(found.values()) <= {"the same bytes are labelled a, b"}


def test_of_identical_bytes_all_but_the_first_are_named() -> None:
    hashes = {1: "x", 2: "y", 4: "x", 5: "x"}
    detail = "the same bytes as 'id-1'"
    assert byte_identical(hashes, [f"id-{n}" for n in range(6)]) == {4: detail, 5: detail}


@given(LABELS, st.integers(0, 5), st.data())
def test_small_classes_are_counted_over_the_rows_that_are_left(
    labels: list[str | None], least: int, data: st.DataObject
) -> None:
    rows = [row for row in range(len(labels)) if data.draw(st.booleans())]
    wanted = {
        row
        for row in rows
        if labels[row] is not None and [labels[other] for other in rows].count(labels[row]) < least
    }
    assert small_classes(labels, rows, least).keys() == wanted


def test_small_class_detail() -> None:
    assert small_classes(["a", "b", "a"], [0, 1, 2], 2) == {1: "'b' has 1 images, fewer than 2"}
