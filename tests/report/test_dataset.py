from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from dermctl.datasets.reasons import REASONS
from dermctl.report.dataset import write_dataset_report
from dermctl.report.page import SYNTHETIC
from tests.report.pages import read_page

SPLITS = ("train", "val", "test")


def made_up(classes, images, *, seed=0, attributes=True, **changes):
    """A manifest of ``images`` random images and the document that goes with it."""
    rng = np.random.default_rng(seed)
    groups = [f"g{number}" for number in rng.integers(0, max(images // 2, 1), images)]
    split_of = {group: str(rng.choice(SPLITS, p=[0.6, 0.2, 0.2])) for group in sorted(set(groups))}
    splits = [split_of[group] for group in groups]
    labels = [str(name) for name in rng.choice(classes, images)]
    blank = [None] * images

    def some(values, kind=None):
        drawn = [None if rng.random() < 0.3 else values[rng.integers(len(values))] for _ in blank]
        return pa.array(drawn if attributes else blank, kind or pa.string())

    manifest = pa.table(
        {
            "label": pa.array(labels, pa.string()),
            "group_id": groups,
            "patient_id": some(["p1", "p2", "p3"]),
            "lesion_id": pa.array(blank, pa.string()),
            "fitzpatrick": some([1, 2, 3, 4, 5, 6], pa.int8()),
            "age": some([20.0, 41.0, 65.0, 80.0], pa.float32()),
            "sex": some(["female", "male"]),
            "site": some(["back", "face"]),
            "modality": pa.array(blank, pa.string()),
            "license": some(["cc-by", "cc-0"]),
            "width": pa.array([600 + 10 * (row % 3) for row in range(images)], pa.int32()),
            "height": pa.array([450] * images, pa.int32()),
        }
    )
    pairs = Counter(zip(splits, labels, strict=True))
    rejected = {"not_rgb": 31, "missing_file": 1200, "a_new_code": 2}
    document = {
        "manifest_version": 1,
        "dermctl": "0.1.0",
        "name": "padufes",
        "source": "padufes",
        "title": "PAD-UFES-20",
        "license": "CC BY 4.0",
        "citation": "Pacheco et al.",
        "label": "diagnostic",
        "classes": sorted(set(labels)),
        "untestable": {},
        "split": {"val": 0.1, "test": 0.2, "seed": 7, "grouped_by": ["patient", "lesion"]},
        "size": 256,
        "synthetic": False,
        "rows": images + sum(rejected.values()),
        "kept": images,
        "rejected": rejected,
        "noted": {"exif_rotated": 5},
        "table_faults": {"unlisted_file": 3},
        "splits": {
            split: {label: number for (own, label), number in pairs.items() if own == split}
            for split in SPLITS
        },
        "groups": {split: list(split_of.values()).count(split) for split in SPLITS},
        "prepared_at": "2026-01-02T03:04:05+00:00",
        **changes,
    }  # fmt: skip
    return document, manifest, splits


@pytest.fixture
def report(tmp_path):
    def write(document, manifest, splits):
        path = tmp_path / "report.html"
        write_dataset_report(path, document, manifest, splits)
        return path

    return write


def test_every_count_of_the_document_is_on_the_page(report):
    document, manifest, splits = made_up(["ACK", "BCC", "MEL"], 300)
    page = read_page(report(document, manifest, splits))
    rejected = sum(document["rejected"].values())
    assert page.by_id["rows"] == f"{300 + rejected:,}"
    assert page.by_id["kept"] == "300"
    assert page.by_id["rejected"] == f"{rejected:,}"
    assert page.by_id["classes"] == "3"
    for name in document["classes"]:
        counts = [document["splits"][split].get(name, 0) for split in SPLITS]
        totals = [splits.count(split) for split in SPLITS]
        written = page.row(name, "class", "train")
        assert written[:6:2] == [str(number) for number in counts]
        assert written[1:6:2] == [
            f"{100 * number / total:.1f}" for number, total in zip(counts, totals, strict=True)
        ]
        assert written[6] == str(sum(counts))
    sizes = page.table("images in the group")
    assert sizes[-1] == ["all", str(len(set(manifest["group_id"].to_pylist()))), "300"]
    for split, number in document["groups"].items():
        assert f"{split} {number}" in page.text


def test_skin_types_are_counted_with_the_unknown_apart(report):
    document, manifest, splits = made_up(["a", "b"], 200)
    page = read_page(report(document, manifest, splits))
    numerals = {None: "unknown", 1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI"}
    types = manifest["fitzpatrick"].to_pylist()
    for number, numeral in numerals.items():
        written = page.row(numeral, "skin type", "train")
        for column, split in enumerate(SPLITS):
            expected = sum(
                kind == number and own == split for kind, own in zip(types, splits, strict=True)
            )
            assert written[2 * column] == str(expected)


def test_reasons_come_with_their_number_and_meaning_the_most_frequent_first(report):
    page = read_page(report(*made_up(["a", "b"], 50)))
    assert page.table("reason") == [
        ["missing_file", "1,200", REASONS["missing_file"].explanation],
        ["not_rgb", "31", REASONS["not_rgb"].explanation],
        ["a_new_code", "2", ""],
        ["all", "1,233", ""],
    ]
    assert page.table("note") == [
        ["exif_rotated", "5", REASONS["exif_rotated"].explanation],
        ["unlisted_file", "3", REASONS["unlisted_file"].explanation],
    ]


def test_ages_agree_with_numpy(report):
    document, manifest, splits = made_up(["a", "b"], 120)
    page = read_page(report(document, manifest, splits))
    ages = manifest["age"].to_pylist()
    for split in (*SPLITS, "all"):
        own = [age for age, its in zip(ages, splits, strict=True) if split in (its, "all")]
        known = [age for age in own if age is not None]
        low, first, middle, third, high = np.percentile(known, [0, 25, 50, 75, 100])
        assert page.row(split, "split", "median") == [
            f"{middle:.0f}", f"{first:.0f}–{third:.0f}", f"{low:.0f}–{high:.0f}",
            str(len(known)), str(own.count(None)),
        ]  # fmt: skip


def test_what_the_source_does_not_state_is_said(report):
    document, manifest, splits = made_up(["a", "b"], 40, attributes=False)
    text = read_page(report(document, manifest, splits)).text
    assert "The source states no skin type for any of the 40 images" in text
    assert "The source does not state: age, sex, site, modality." in text
    assert "No patients are known." in text


def test_a_dataset_of_one_unlabelled_image(report):
    manifest = made_up(["a"], 1, attributes=False)[1].set_column(
        0, "label", pa.array([None], pa.string())
    )
    document = made_up(["a"], 1)[0] | {
        "classes": [], "label": None, "rows": 1, "rejected": {}, "noted": {}, "table_faults": {},
    }  # fmt: skip
    page = read_page(report(document, manifest, ["train"]))
    assert page.row("no label", "class", "train")[0] == "1"
    assert "Nothing: every row of the source was usable." in page.text


def test_classes_that_cannot_be_tested_are_warned_of(report):
    text = read_page(report(*made_up(["a", "b"], 30, untestable={"b": 2, "c": 1}))).text
    assert "Classes that cannot be tested." in text
    assert "b (2 groups), c (1 group)." in text


def test_synthetic_images_are_labelled_at_the_top(report):
    synthetic = read_page(report(*made_up(["a", "b"], 30, synthetic=True))).text
    assert synthetic.index(SYNTHETIC) < synthetic.index("What the dataset")
    assert "padufes, in the layout of PAD-UFES-20" in synthetic
    assert SYNTHETIC not in read_page(report(*made_up(["a", "b"], 30))).text


def test_hostile_names_stay_text(report):
    hostile = "<script>alert(1)</script>"
    document, manifest, splits = made_up(
        [hostile, "$b$"], 60, title='<img src="https://example.org/x">', untestable={hostile: 1}
    )
    path = report(document, manifest, splits)
    page = read_page(path)
    assert page.fetches() == []
    assert "<script" not in path.read_text(encoding="utf-8")
    assert page.row(hostile, "class", "train")[6] == str(
        manifest["label"].to_pylist().count(hostile)
    )


def test_a_hundred_and_fourteen_classes(report):
    names = [f"condition {number}" for number in range(114)]
    document, manifest, splits = made_up(names, 2000)
    page = read_page(report(document, manifest, splits))
    assert page.fetches() == []
    assert len(page.table("class", "train")) == 115
    assert page.row("all", "class", "train")[6] == "2,000"


def test_the_same_dataset_gives_the_same_page(report):
    first = report(*made_up(["a", "b"], 80)).read_bytes()
    assert report(*made_up(["a", "b"], 80)).read_bytes() == first


def near_duplicates(**changes):
    plain = {
        "searched": True,
        "pairs": 2339,
        "copies": 212,
        "published": 0,
        "groups": 7417,
        "groups_without": 7470,
        "to_look_at": [],
    }
    return {**plain, **changes}


def test_near_duplicates_are_told_and_large_components_listed(report):
    component = {"lesions": 11, "images": [f"i{n}" for n in range(40)]}
    near = near_duplicates(to_look_at=[component])
    page = read_page(report(*made_up(["a", "b"], 60, near_duplicates=near)))
    told = page.by_id["near-duplicates"]
    for words in ("2,339 pairs", "212 of them look like copies", "7,470 groups into 7,417"):
        assert words in told
    (row,) = page.table("lesions", "images")
    assert row[:2] == ["11", "40"]
    assert row[2].startswith("i0, i1, ")
    assert "i29" in row[2]
    assert "i30" not in row[2]


def test_a_dataset_whose_near_duplicates_were_not_sought_says_so(report):
    near = near_duplicates(searched=False, pairs=0)
    page = read_page(report(*made_up(["a", "b"], 60, near_duplicates=near)))
    assert "not searched for" in page.by_id["near-duplicates"]


def test_lists_of_excluded_images_are_named(report):
    exclusion = {
        "file": "list.csv",
        "sha256": "0" * 64,
        "kind": "images to keep",
        "names": 2240,
        "unmatched": 3,
        "rows": 58,
    }
    page = read_page(report(*made_up(["a", "b"], 60, exclusions=[exclusion])))
    assert page.row("list.csv", "list", "it holds") == ["images to keep", "2,240", "3", "58"]
