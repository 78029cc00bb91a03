"""Findings from ids, bytes and pairs: against a slow comparison of all with all, and by hand."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dermctl.datasets.audit.findings import SCHEMA, Finding, as_table
from dermctl.datasets.audit.gathered import Images
from dermctl.datasets.audit.similar import Similar
from dermctl.datasets.audit.ties import findings_between, findings_within
from dermctl.datasets.near_duplicates.table import PUBLISHED, Link

Row = tuple[str, str, str | None, str | None, str | None, str]
"""Dataset, split, label, patient, lesion, hash."""


def images(*rows: Row) -> Images:
    datasets, splits, labels, patients, lesions, sha256s = (
        list(c) for c in zip(*rows, strict=True)
    )
    n = len(rows)
    return Images(
        image_ids=[f"i{row}" for row in range(n)],
        datasets=datasets,  # type: ignore[arg-type]
        splits=splits,  # type: ignore[arg-type]
        labels=labels,
        patients=[value and f"here {value}" for value in patients],
        lesions=[value and f"here {value}" for value in lesions],
        sha256s=sha256s,  # type: ignore[arg-type]
        skin_types=[None] * n,
        licenses=[None] * n,
        modalities=[None] * n,
        sources=["csv"] * n,
        synthetic=[False] * n,
        places=[(Path("x"), 0, row) for row in range(n)],
    )


def pair(one: int, other: int, **link: object) -> Similar:
    plain = {"kind": "copy", "score": 30, "mirrored": False, "turn": 0.0, "scale": 1.0}
    return Similar(one, other, Link(f"i{one}", f"i{other}", **{**plain, **link}))  # type: ignore[arg-type]


def of(findings: list[Finding], kind: str) -> set[tuple[str, tuple[int, ...]]]:
    return {(found.tie, found.rows) for found in findings if found.kind == kind}


def test_each_kind_of_leak_and_conflict() -> None:
    found = findings_within(
        images(
            ("a", "train", "nv", "P1", "L1", "00"),
            ("a", "test", "nv", "P1", "L2", "01"),  # the patient leaks
            ("a", "val", "mel", None, "L2", "02"),  # the lesion leaks, and its labels conflict
            ("a", "train", "nv", None, None, "02"),  # the bytes leak, and their labels conflict
            ("a", "test", "bcc", None, None, "03"),
            ("a", "test", None, None, None, "04"),  # no label: no conflict
        ),
        "a",
        [pair(3, 4, mirrored=True, turn=90.0), pair(4, 5, kind=PUBLISHED, score=None)],
    )
    assert of(found, "leak") == {
        ("patient", (0, 1)), ("lesion", (1, 2)), ("bytes", (2, 3)), ("pixels", (3, 4))
    }  # fmt: skip
    assert of(found, "label_conflict") == {
        ("lesion", (1, 2)),
        ("bytes", (2, 3)),
        ("pixels", (3, 4)),
    }
    assert of(found, "byte_identical") == {("bytes", (2, 3))}
    assert of(found, "near_duplicate") == {("pixels", (3, 4)), ("pixels", (4, 5))}
    details = {found.detail for found in found if found.tie == "pixels"}
    assert "copy, mirrored, turned by 90°, in train and test" in details
    assert "the publisher lists them as duplicates; not tied by any id" in details
    assert {"same patient P1 in train and test", "same lesion L2: mel, nv"} <= {
        finding.detail for finding in found
    }


def test_a_patient_may_have_lesions_of_several_classes() -> None:
    two = images(("a", "train", "nv", "P", "1", "0"), ("a", "train", "mel", "P", "2", "1"))
    assert findings_within(two, "a", []) == []


def test_a_pair_says_what_ties_it_besides() -> None:
    rows = images(*(("a", "train", "nv", "P", lesion, str(n)) for n, lesion in enumerate("xxy")))
    found = findings_within(rows, "a", [pair(0, 1), pair(1, 2)])
    assert [finding.detail for finding in found] == ["copy; same lesion", "copy; same patient"]


def test_more_than_ten_lesions_joined_are_listed() -> None:
    rows = images(*(("a", "train", "nv", None, f"L{n}", str(n)) for n in range(12)))
    chain = [pair(n, n + 1) for n in range(11)]
    assert of(findings_within(rows, "a", chain), "large_component") == {
        ("pixels", tuple(range(12)))
    }
    assert not of(findings_within(rows, "a", chain[:9]), "large_component")


def test_between_datasets_what_touches_a_test_split_leaks() -> None:
    rows = images(
        ("a", "test", "nv", "P1", None, "0"),
        ("b", "train", "nv", "P1", None, "1"),
        ("a", "train", "nv", None, "L", "2"),
        ("b", "train", "nv", None, "L", "3"),
        ("a", "train", "nv", None, None, "4"),
        ("b", "test", "nv", None, None, "5"),
        ("c", "test", "nv", "P1", "L", "4"),
    )
    found = findings_between(rows, "a", "b", [pair(4, 5)])
    assert of(found, "leak_between") == {("patient", (0, 1)), ("pixels", (4, 5))}
    assert of(found, "overlap") == {("lesion", (2, 3))}
    assert {"same patient P1 in a/test and b/train", "copy, in a/train and b/test"} <= {
        finding.detail for finding in found
    }


ids = st.sampled_from([None, "1", "2", "3"])
row = st.tuples(
    st.sampled_from("ab"), st.sampled_from(["train", "val", "test"]), st.just("nv"),
    ids, ids, st.sampled_from("0123456789"),
)  # fmt: skip


@given(st.lists(row, min_size=1, max_size=14))
def test_all_that_is_tied_across_splits_and_no_other_leaks(rows: list[Row]) -> None:
    made = images(*rows)
    columns = {"patient": 3, "lesion": 4, "bytes": 5}
    for one in "ab":
        found = findings_within(made, one, [])
        slow = {
            (tie, row)
            for i, j in combinations([n for n, own in enumerate(rows) if own[0] == one], 2)
            for tie, column in columns.items()
            if rows[i][column] and rows[i][column] == rows[j][column] and rows[i][1] != rows[j][1]
            for row in (i, j)
        }
        named = {(tie, row) for tie, members in of(found, "leak") for row in members}
        assert slow <= named
        for tie, members in of(found, "leak"):
            assert len({rows[row][columns[tie]] for row in members}) == 1
            assert len({rows[row][1] for row in members}) > 1
    between = findings_between(made, "a", "b", [])
    slow_pairs = {
        tie
        for i, j in combinations(range(len(rows)), 2)
        for tie, column in columns.items()
        if rows[i][0] != rows[j][0] and rows[i][column] and rows[i][column] == rows[j][column]
    }
    assert {finding.tie for finding in between} == slow_pairs


def test_the_table_has_one_row_a_finding() -> None:
    rows = images(("a", "train", "nv", "P", None, "0"), ("a", "test", None, "P", None, "1"))
    found = findings_within(rows, "a", [])
    table = as_table(found, rows)
    assert table.schema == SCHEMA
    assert table.to_pylist() == [
        {
            "kind": "leak", "tie": "patient", "image_ids": ["i0", "i1"], "datasets": ["a", "a"],
            "splits": ["train", "test"], "labels": ["nv", None], "score": None,
            "detail": "same patient P in train and test",
        }
    ]  # fmt: skip
    assert as_table([], rows).num_rows == 0
