from __future__ import annotations

from collections import Counter

import pytest

from dermctl.errors import DataError

from .layout import codes, column, place, read, write

HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"
ROWS = (
    "HAM_1,ISIC_0000001,bkl,histo,80.0,male,scalp",
    "HAM_1,ISIC_0000002,bkl,histo,80.0,male,scalp",
    "HAM_2,ISIC_0000003,nv,follow_up,,unknown,unknown",
)


@pytest.fixture
def raw(tmp_path):
    write(tmp_path / "HAM10000_metadata.csv", HEADER, *ROWS)
    return tmp_path


def test_rows_keep_their_order_and_their_meaning(raw):
    place(raw, "HAM10000_images_part_1/ISIC_0000001.jpg", "HAM10000_images_part_2/ISIC_0000003.jpg")
    table = read("ham10000", raw)
    assert column(table, "image_id") == ["ISIC_0000001", "ISIC_0000002", "ISIC_0000003"]
    assert column(table, "path") == [
        "HAM10000_images_part_1/ISIC_0000001.jpg",
        None,
        "HAM10000_images_part_2/ISIC_0000003.jpg",
    ]
    assert column(table, "expected")[1] == "HAM10000_images_part_1/ISIC_0000002.jpg"
    assert column(table, "line") == [2, 3, 4]
    assert column(table, "label") == ["bkl", "bkl", "nv"]
    assert column(table, "lesion_id") == ["HAM_1", "HAM_1", "HAM_2"]
    assert column(table, "patient_id") == [None] * 3
    assert column(table, "age") == [80.0, 80.0, None]
    assert column(table, "sex") == ["male", "male", None]
    assert column(table, "site") == ["scalp", "scalp", None]
    assert column(table, "src_sex")[2] == "unknown"
    assert set(column(table, "modality")) == {"dermoscopic"}
    assert set(column(table, "license")) == {"cc-by-nc"}
    assert table.label_column == "dx"
    assert table.faults == []


@pytest.mark.parametrize("folder", ["images/", "", "HAM10000_images_part_2/"])
def test_images_may_lie_in_any_of_the_known_layouts(raw, folder):
    place(raw, f"{folder}ISIC_0000002.JPG")
    assert column(read("ham10000", raw), "path") == [None, f"{folder}ISIC_0000002.JPG", None]


@pytest.mark.parametrize("name", ["HAM10000_metadata", "ham10000_METADATA.CSV"])
def test_the_table_may_lack_its_extension_or_be_in_another_case(raw, name):
    (raw / "HAM10000_metadata.csv").rename(raw / name)
    assert read("ham10000", raw).table.num_rows == 3


def test_the_archives_own_tab_separated_edition(tmp_path):
    lines = [line.replace(",", "\t") for line in (HEADER, *ROWS)]
    write(tmp_path / "HAM10000_metadata.tab", *lines)
    assert column(read("ham10000", tmp_path), "label") == ["bkl", "bkl", "nv"]


def test_another_label_leaves_the_finest_label_alone(raw):
    table = read("ham10000", raw, label="dx_type")
    assert column(table, "label") == ["histo", "histo", "follow_up"]
    assert column(table, "finest_label") == ["bkl", "bkl", "nv"]
    assert table.label_column == "dx_type"


def test_an_unknown_label_column_is_answered_with_the_columns_nearest_first(raw):
    with pytest.raises(DataError, match="there is no column 'dx_typ'") as caught:
        read("ham10000", raw, label="dx_typ")
    assert str(caught.value.hint).startswith("Give --label one of its columns: dx_type, ")


def test_unlisted_files_and_repeated_rows_are_told_of_and_kept(raw):
    write(raw / "HAM10000_metadata.csv", HEADER, *ROWS, ROWS[0])
    place(raw, "images/ISIC_0000001.jpg", "images/other.jpg")
    table = read("ham10000", raw)
    assert table.unlisted == ["images/other.jpg"]
    assert column(table, "image_id").count("ISIC_0000001") == 2


def test_a_short_row_is_counted_and_named_not_dropped_in_silence(raw):
    write(raw / "HAM10000_metadata.csv", HEADER, ROWS[0], "HAM_9,ISIC_9", ROWS[2])
    table = read("ham10000", raw)
    assert table.table.num_rows == 2
    (fault,) = table.malformed
    assert (fault.file, fault.line) == ("HAM10000_metadata.csv", 3)


def test_a_cell_that_is_no_age_is_empty_and_told_of(raw):
    write(raw / "HAM10000_metadata.csv", HEADER, ROWS[0].replace("80.0", "old"), ROWS[1])
    table = read("ham10000", raw)
    assert column(table, "age") == [None, 80.0]
    assert column(table, "src_age") == ["old", "80.0"]
    assert codes(table) == ["bad_value"]
    assert table.faults[0].line == 2


def test_some_other_table_is_refused_by_name(raw):
    write(raw / "HAM10000_metadata.csv", "a,b", "1,2")
    with pytest.raises(DataError, match="no table of ham10000: it has no column 'image_id', 'dx'"):
        read("ham10000", raw)


def test_a_table_that_is_named_must_be_there(raw):
    with pytest.raises(DataError, match="the table is not there") as caught:
        read("ham10000", raw, csv=raw / "none.csv")
    assert caught.value.hint == "Check --csv FILE"


@pytest.mark.real_data
def test_the_real_table(real_data):
    table = read("ham10000", real_data / "ham10000")
    assert table.table.num_rows == 10_015
    missing = [
        name
        for name, path in zip(column(table, "image_id"), column(table, "path"), strict=True)
        if path is None
    ]
    assert sorted(missing) == ["ISIC_0029861", "ISIC_0029938"]
    assert len(set(column(table, "lesion_id"))) == 7_470
    assert Counter(column(table, "label")) == {
        "nv": 6705,
        "mel": 1113,
        "bkl": 1099,
        "bcc": 514,
        "akiec": 327,
        "vasc": 142,
        "df": 115,
    }
    assert table.faults == []
    assert table.unlisted == []
