from __future__ import annotations

from collections import Counter

import pytest

from .layout import codes, column, place, read, write

HEADER = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"
TRAIN = "ISIC2018_Task3_Training_GroundTruth"
GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"


def test_classes_lesions_and_splits(tmp_path):
    write(
        tmp_path / TRAIN / f"{TRAIN}.csv",
        HEADER,
        "ISIC_1,0.0,1.0,0.0,0.0,0.0,0.0,0.0",
        "ISIC_2,0.0,0.0,0.0,1.0,0.0,0.0,0.0",
    )
    write(
        tmp_path / "ISIC2018_Task3_Test_GroundTruth.csv",
        HEADER,
        "ISIC_3,1.0,0.0,0.0,0.0,0.0,0.0,0.0",
    )
    write(
        tmp_path / GROUPINGS,
        "image,lesion_id,diagnosis_confirm_type",
        "ISIC_1,HAM_7,histopathology",
        "ISIC_2,HAM_8,histopathology",
    )
    place(tmp_path, "ISIC2018_Task3_Training_Input/ISIC_2.jpg")
    place(tmp_path, "ISIC2018_Task3_Test_Input/ISIC_3.jpg")
    table = read("isic2018", tmp_path)
    assert column(table, "label") == ["NV", "AKIEC", "MEL"]
    assert column(table, "finest_label") == ["NV", "AKIEC", "MEL"]
    assert column(table, "lesion_id") == ["HAM_7", "HAM_8", None]
    assert column(table, "split") == ["train", "train", "test"]
    assert column(table, "path") == [
        None,
        "ISIC2018_Task3_Training_Input/ISIC_2.jpg",
        "ISIC2018_Task3_Test_Input/ISIC_3.jpg",
    ]
    assert column(table, "src_diagnosis_confirm_type") == ["histopathology"] * 2 + [""]
    assert table.faults == []


def test_a_row_with_two_classes_has_no_label_and_is_told_of(tmp_path):
    write(tmp_path / f"{TRAIN}.csv", HEADER, "ISIC_1,1.0,1.0,0.0,0.0,0.0,0.0,0.0")
    table = read("isic2018", tmp_path)
    assert column(table, "label") == [None]
    assert codes(table) == ["bad_label"]


def test_a_table_elsewhere_has_no_official_split(tmp_path):
    place(tmp_path / "raw", "images/ISIC_1.jpg")
    table = write(tmp_path / "few.csv", HEADER, "ISIC_1,0,0,0,0,0,0,1")
    few = read("isic2018", tmp_path / "raw", csv=table)
    assert column(few, "label") == ["VASC"]
    assert column(few, "split") == [None]


@pytest.mark.real_data
def test_the_real_test_table(real_data):
    table = read("isic2018", real_data / "isic_metadata")
    assert table.table.num_rows == 1_512
    assert Counter(column(table, "label")) == {
        "NV": 909,
        "BKL": 217,
        "MEL": 171,
        "BCC": 93,
        "DF": 44,
        "AKIEC": 43,
        "VASC": 35,
    }
    assert set(column(table, "split")) == {"test"}
    assert table.faults == []
