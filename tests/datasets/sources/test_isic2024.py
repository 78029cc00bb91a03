from __future__ import annotations

import pytest

from dermctl.errors import DataError

from .layout import column, place, read, write

METADATA = (
    "isic_id,patient_id,age_approx,sex,anatom_site_general,image_type,attribution,"
    "copyright_license",
    "ISIC_2,IP_1,60,male,posterior torso,TBP tile: close-up,Clinic A,CC-BY",
    "ISIC_1,IP_2,,female,,TBP tile: close-up,Clinic B,CC-BY-NC",
)


def test_labels_and_supplement_are_joined_on_the_id(tmp_path):
    write(tmp_path / "ISIC_2024_Training_Input" / "metadata.csv", *METADATA)
    write(
        tmp_path / "ISIC_2024_Training_GroundTruth.csv",
        "isic_id,malignant",
        "ISIC_1,0.0",
        "ISIC_2,1.0",
    )
    write(
        tmp_path / "ISIC_2024_Training_Supplement.csv",
        "isic_id,iddx_full,iddx_1,iddx_2,iddx_3,lesion_id",
        "ISIC_1,Benign,Benign,,,",
        "ISIC_2,x,Malignant,Malignant epidermal proliferations,Keratoacanthoma,IL_4",
    )
    place(tmp_path, "ISIC_2024_Training_Input/ISIC_1.jpg")
    table = read("isic2024", tmp_path)
    assert column(table, "image_id") == ["ISIC_2", "ISIC_1"]
    assert column(table, "label") == ["1.0", "0.0"]
    assert column(table, "finest_label") == ["Keratoacanthoma", "Benign"]
    assert column(table, "lesion_id") == ["IL_4", None]
    assert column(table, "license") == ["cc-by", "cc-by-nc"]
    assert column(table, "modality") == ["tbp", "tbp"]
    assert column(table, "path") == [None, "ISIC_2024_Training_Input/ISIC_1.jpg"]
    assert table.faults == []


def test_the_kaggle_edition_has_its_labels_inside(tmp_path):
    header = METADATA[0] + ",target,iddx_1"
    write(tmp_path / "train-metadata.csv", header, METADATA[1] + ",1,Malignant")
    place(tmp_path, "train-image/image/ISIC_2.jpg")
    table = read("isic2024", tmp_path)
    assert table.label_column == "target"
    assert column(table, "label") == ["1"]
    assert column(table, "path") == ["train-image/image/ISIC_2.jpg"]


def test_without_its_labels_it_is_refused_unless_another_label_is_named(tmp_path):
    write(tmp_path / "metadata.csv", *METADATA)
    with pytest.raises(DataError, match=r"ISIC_2024_Training_GroundTruth\.csv, the labels"):
        read("isic2024", tmp_path)
    assert column(read("isic2024", tmp_path, label="sex"), "label") == ["male", "female"]
