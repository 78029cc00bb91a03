from __future__ import annotations

import pytest

from .layout import column, place, read, write


@pytest.fixture
def raw(tmp_path):
    write(
        tmp_path / "meta" / "meta.csv",
        "case_num,diagnosis,location,sex,clinic,derm",
        "1,basal cell carcinoma,abdomen,female,NEL/Nel026.jpg,NEL/NEL025.JPG",
        "2,clark nevus,back,male,NEL/NEL028.jpg,NEL/NEL027.JPG",
    )
    write(tmp_path / "meta" / "train_indexes.csv", "indexes", "1")
    write(tmp_path / "meta" / "valid_indexes.csv", "indexes", "0")
    write(tmp_path / "meta" / "test_indexes.csv", "indexes")
    return tmp_path


def test_a_case_is_two_images_of_one_lesion(raw):
    place(raw, "images/NEL/NEL025.jpg", "images/NEL/Nel026.jpg", "images/NEL/NEL027.JPG")
    table = read("derm7pt", raw)
    assert column(table, "image_id") == [
        "NEL/NEL025.JPG",
        "NEL/NEL027.JPG",
        "NEL/Nel026.jpg",
        "NEL/NEL028.jpg",
    ]
    assert column(table, "path") == [
        "images/NEL/NEL025.jpg",
        "images/NEL/NEL027.JPG",
        "images/NEL/Nel026.jpg",
        None,
    ]
    assert column(table, "modality") == ["dermoscopic"] * 2 + ["clinical"] * 2
    assert column(table, "lesion_id") == ["1", "2", "1", "2"]
    assert column(table, "label") == ["basal cell carcinoma", "clark nevus"] * 2
    assert table.unlisted == []
    assert table.faults == []


def test_the_official_split_is_by_row_number(raw):
    assert column(read("derm7pt", raw), "split") == ["val", "train", "val", "train"]


def test_an_index_beyond_the_table_is_told_of(raw):
    write(raw / "meta" / "test_indexes.csv", "indexes", "7")
    (fault,) = read("derm7pt", raw).faults
    assert (fault.code, fault.file, fault.line) == ("unmatched_row", "test_indexes.csv", 2)


def test_without_index_files_there_is_no_split(raw):
    for path in (raw / "meta").glob("*_indexes.csv"):
        path.unlink()
    assert column(read("derm7pt", raw), "split") == [None] * 4
