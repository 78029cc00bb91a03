from __future__ import annotations

from .layout import column, place, read, write

TRAIN = "ISBI2016_ISIC_Part3_Training_GroundTruth.csv"
TEST = "ISBI2016_ISIC_Part3_Test_GroundTruth.csv"


def test_tables_without_a_header_lose_no_row(tmp_path):
    write(tmp_path / TRAIN, "ISIC_0000000,benign", "ISIC_0000002,malignant")
    write(tmp_path / TEST, "ISIC_0000003,0.0", "ISIC_0000012,1.0")
    place(tmp_path, "ISBI2016_ISIC_Part3_Training_Data/ISIC_0000002.jpg")
    place(tmp_path, "ISBI2016_ISIC_Part3_Test_Data/ISIC_0000003.jpg")
    table = read("isic2016", tmp_path)
    assert column(table, "image_id") == [
        "ISIC_0000000",
        "ISIC_0000002",
        "ISIC_0000003",
        "ISIC_0000012",
    ]
    assert column(table, "label") == ["benign", "malignant", "benign", "malignant"]
    assert column(table, "src_truth") == ["benign", "malignant", "0.0", "1.0"]
    assert column(table, "split") == ["train", "train", "test", "test"]
    assert column(table, "line") == [1, 2, 1, 2]
    assert [path is not None for path in column(table, "path")] == [False, True, True, False]
    assert table.faults == []


def test_a_header_that_someone_added_is_no_image(tmp_path):
    write(tmp_path / TRAIN, "image_id,label", "ISIC_0000000,benign")
    assert column(read("isic2016", tmp_path), "image_id") == ["ISIC_0000000"]


def test_one_split_alone_can_be_read(tmp_path):
    write(tmp_path / TEST, "ISIC_0000003,0.0")
    assert column(read("isic2016", tmp_path), "split") == ["test"]
