"""Lists of images to leave out: what each kind means, and how names find images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from dermctl.datasets.exclusion import KEPT, LEFT_OUT, PAIRS, Exclusion, read_exclusion
from dermctl.datasets.sources.base import ReadOptions
from dermctl.datasets.sources.registry import SOURCES
from dermctl.errors import DataError

PATHS = [
    "images/NEL/NEL025.JPG",
    "images/NEL/Nel032.jpg",
    "images/Adl/Adl389.jpg",
    "images/New/newl016.png",
    None,
]
IDS = ["NEL/NEL025.JPG", "NEL/Nel032.jpg", "Adl/Adl389.jpg", "New/newl016.png", "New/lost.jpg"]


def table(ids: Sequence[str] = IDS, paths: Sequence[str | None] = PATHS) -> pa.Table:
    expected = [path or f"images/{name}" for path, name in zip(paths, ids, strict=True)]
    columns = {"image_id": ids, "path": paths, "expected": expected}
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def read(folder: Path, text: str, name: str = "list.csv", **of: Sequence[str | None]) -> Exclusion:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_exclusion(path, table(**of))  # type: ignore[arg-type]


def test_a_plain_list_names_what_goes(tmp_path: Path) -> None:
    text = "file_name,why\nNEL/NEL025.JPG,blurred\nnewl016,ruler\nother.jpg,?\n"
    found = read(tmp_path, text)
    assert found.kind == LEFT_OUT
    assert found.rows == dict.fromkeys([0, 3], "named by list.csv")
    assert found.unmatched == ("other.jpg",)
    assert found.to_json() == {
        "file": "list.csv",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "kind": LEFT_OUT,
        "names": 3,
        "unmatched": 1,
        "rows": 2,
    }
    assert "2 rows left out; 1 of its 3 names are no image here, first 'other.jpg'" in str(found)


def test_one_name_a_line_needs_no_header(tmp_path: Path) -> None:
    found = read(tmp_path, "NEL025.JPG\nAdl389.jpg\n", "bad.txt")
    assert sorted(found.rows) == [0, 2]


def test_a_list_of_cleaned_files_names_what_stays(tmp_path: Path) -> None:
    text = "file_name\n" + "".join(f"derm7pt/images/{name}\n" for name in IDS[:3])
    found = read(tmp_path, text, "selfclean_derm7pt_cleaned_file_list.csv")
    assert found.kind == KEPT
    assert sorted(found.rows) == [3, 4]
    assert set(found.rows.values()) == {"not on the list selfclean_derm7pt_cleaned_file_list.csv"}


def test_the_cleaned_fitzpatrick_is_known_by_its_columns(tmp_path: Path) -> None:
    text = "md5hash,partition,fst,label,new_img_name\naa,train,1,x,1.jpg\nbb,test,2,y,2.jpg\n"
    ids = ["aa", "bb", "cc"]
    found = read(tmp_path, text, "c.csv", ids=ids, paths=[f"{name}.jpg" for name in ids])
    assert (found.kind, list(found.rows)) == (KEPT, [2])


@pytest.mark.parametrize("header", ["similarity,from_img,to_img", "s,image_name_1,image_name_2"])
def test_of_duplicates_the_first_that_has_a_file_is_kept(tmp_path: Path, header: str) -> None:
    text = f"{header}\n0.98,lost.jpg,NEL025.jpg\n0.97,NEL025.jpg,Nel032.jpg\n0.9,Adl389,away\n"
    found = read(tmp_path, text)
    why = "a duplicate of NEL/NEL025.JPG by list.csv"
    assert found.kind == PAIRS
    assert found.rows == {4: why, 1: why}
    assert found.unmatched == ("away",)


def test_every_row_of_an_image_goes(tmp_path: Path) -> None:
    ids = ["a", "b", "a", "c", "d"]
    found = read(tmp_path, "image_id\na\n", ids=ids, paths=[f"{name}.jpg" for name in ids])
    assert sorted(found.rows) == [0, 2]


def test_a_name_in_another_folder_is_another_image(tmp_path: Path) -> None:
    text = "path\nderm7pt/images/Adl/NEL025.JPG\nAdl389.jpg\n"
    found = read(tmp_path, text)
    assert sorted(found.rows) == [2]
    assert found.unmatched == ("derm7pt/images/Adl/NEL025.JPG",)


def test_a_name_that_may_be_two_images_is_neither(tmp_path: Path) -> None:
    ids = ["naevus/1.jpg", "melanoma/1.jpg", "naevus/2.jpg"]
    found = read(tmp_path, "file\n1.jpg\nMED-NODE/naevus/2.jpg\n", ids=ids, paths=ids)
    assert found.unmatched == ("1.jpg",)
    assert list(found.rows) == [2]


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("file_name\nx.jpg\ny.jpg\n", "list.csv", "none of its 2 names.*'x.jpg'.*NEL025"),
        ("file_name\n", "list.csv", "none of its 0 names.*empty"),
        ("a,b\n1,2\n", "list.csv", "no column of image names is among a, b"),
        ("file_name\nNEL025\nNel032\nAdl389\n", "list.csv", "leave out 3 of 5 rows.*cleaned"),
        ("file_name\nNEL025\n", "cleaned.csv", "leave out 4 of 5 rows.*no 'clean'"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(
    tmp_path: Path, text: str, name: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text, name)


@pytest.mark.real_data
def test_the_published_list_of_pad_ufes_20(real_data: Path) -> None:
    """Published: 2 irrelevant, 56 near-duplicates and 3 label errors; 58 files are left out."""
    rows = SOURCES["padufes"].read(real_data / "pad-ufes-20", ReadOptions()).table
    lists = real_data / "cleaning_lists"
    found = read_exclusion(lists / "selfclean_PAD-UFES-20_cleaned_file_list.csv", rows)
    assert (found.kind, found.names, found.unmatched) == (KEPT, 2240, ())
    assert len(found.rows) == 2298 - 2240


@pytest.mark.real_data
def test_the_published_pairs_of_ham10000(real_data: Path) -> None:
    rows = SOURCES["ham10000"].read(real_data / "ham10000", ReadOptions()).table
    lists = real_data / "cleaning_lists"
    found = read_exclusion(lists / "ham10000_newly_discovered_duplicates.csv", rows)
    assert (found.kind, found.unmatched) == (PAIRS, ())
    assert len(found.rows) == 18


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["DDI", "MED-NODE", "SD-128", "derm7pt"])
def test_the_other_published_lists(real_data: Path, tmp_path: Path, name: str) -> None:
    """Their images are not at hand: a row for each listed name, under the publisher's folders."""
    path = real_data / "cleaning_lists" / f"selfclean_{name}_cleaned_file_list.csv"
    names = path.read_text(encoding="utf-8").split()[1:]
    paths = [name.removeprefix(f"{path.name.split('_')[1]}/") for name in names]
    found = read_exclusion(path, table([*paths, "more.jpg"], [*paths, "more.jpg"]))
    assert (found.kind, found.names) == (KEPT, len(names))
    assert not found.unmatched
    assert list(found.rows) == [len(names)]
