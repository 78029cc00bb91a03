from __future__ import annotations

from collections import Counter

import pytest

from .layout import codes, column, place, read, write

HEADER = "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK"
METADATA = "image,age_approx,anatom_site_general,lesion_id,sex"


def test_truth_and_metadata_are_joined(tmp_path):
    write(
        tmp_path / "ISIC_2019_Training_GroundTruth.csv",
        HEADER,
        "ISIC_1_downsampled,0,0,0,0,0,0,0,1,0",
        "ISIC_2,0,1,0,0,0,0,0,0,0",
    )
    write(
        tmp_path / "ISIC_2019_Training_Metadata.csv",
        METADATA,
        "ISIC_2,30,anterior torso,,female",
        "ISIC_1_downsampled,55,head/neck,BCN_0000001,male",
    )
    place(tmp_path, "ISIC_2019_Training_Input/ISIC_1_downsampled.jpg", "images/ISIC_1.jpg")
    table = read("isic2019", tmp_path)
    assert column(table, "image_id") == ["ISIC_1_downsampled", "ISIC_2"]
    assert column(table, "path") == ["ISIC_2019_Training_Input/ISIC_1_downsampled.jpg", None]
    assert table.unlisted == ["images/ISIC_1.jpg"]
    assert column(table, "label") == ["SCC", "NV"]
    assert column(table, "age") == [55.0, 30.0]
    assert column(table, "lesion_id") == ["BCN_0000001", None]
    assert column(table, "site") == ["head/neck", "anterior torso"]
    assert column(table, "split") == ["train", "train"]
    assert table.faults == []


def test_rows_of_one_table_that_the_other_lacks_are_told_of(tmp_path):
    write(tmp_path / "ISIC_2019_Training_GroundTruth.csv", HEADER, "ISIC_1,1,0,0,0,0,0,0,0,0")
    write(tmp_path / "ISIC_2019_Training_Metadata.csv", METADATA, "ISIC_9,1,a,,male")
    table = read("isic2019", tmp_path)
    assert column(table, "age") == [None]
    assert codes(table) == ["unmatched_row", "unmatched_row"]


@pytest.mark.real_data
def test_the_real_tables(real_data):
    table = read("isic2019", real_data / "isic_metadata")
    assert table.table.num_rows == 25_331
    assert Counter(column(table, "label")) == {
        "NV": 12_875,
        "MEL": 4_522,
        "BCC": 3_323,
        "BKL": 2_624,
        "AK": 867,
        "SCC": 628,
        "VASC": 253,
        "DF": 239,
    }
    assert sum(name.endswith("_downsampled") for name in column(table, "image_id")) == 2_074
    assert column(table, "lesion_id").count(None) == 2_084
    assert len(set(column(table, "lesion_id")) - {None}) == 11_847
    assert column(table, "sex").count(None) == 384
    assert column(table, "age").count(None) == 437
    assert table.faults == []
