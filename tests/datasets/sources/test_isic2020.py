from __future__ import annotations

from collections import Counter

import pytest

from .layout import column, place, read, write

FIRST = (
    "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,"
    "benign_malignant,target"
)
SECOND = FIRST.replace("patient_id", "patient_id,lesion_id")


@pytest.fixture
def raw(tmp_path):
    write(
        tmp_path / "ISIC_2020_Training_GroundTruth.csv",
        FIRST,
        "ISIC_1,IP_1,male,45.0,head/neck,unknown,benign,0",
        "ISIC_2,IP_1,female,,torso,melanoma,malignant,1",
    )
    return tmp_path


def test_the_first_version_has_no_lesions(raw):
    place(raw, "ISIC_2020_Training_JPEG/train/ISIC_2.jpg")
    table = read("isic2020", raw)
    assert column(table, "label") == ["benign", "malignant"]
    assert column(table, "finest_label") == ["unknown", "melanoma"]
    assert column(table, "patient_id") == ["IP_1", "IP_1"]
    assert column(table, "lesion_id") == [None, None]
    assert column(table, "path") == [None, "ISIC_2020_Training_JPEG/train/ISIC_2.jpg"]
    assert column(table, "site") == ["head/neck", "torso"]
    assert table.duplicates == []
    assert table.faults == []


def test_the_second_version_is_preferred(raw):
    write(
        raw / "ISIC_2020_Training_GroundTruth_v2.csv",
        SECOND,
        "ISIC_1,IP_1,IL_5,male,45.0,head/neck,unknown,benign,0",
    )
    assert column(read("isic2020", raw), "lesion_id") == ["IL_5"]


def test_the_publishers_duplicates_are_handed_on(raw):
    write(raw / "ISIC_2020_Training_Duplicates.csv", "image_name_1,image_name_2", "ISIC_1,ISIC_2")
    assert read("isic2020", raw).duplicates == [("ISIC_1", "ISIC_2")]


@pytest.mark.real_data
def test_the_real_table(real_data):
    table = read("isic2020", real_data / "isic_metadata")
    assert table.table.num_rows == 33_126
    assert len(set(column(table, "patient_id"))) == 2_056
    assert Counter(column(table, "label")) == {"benign": 32_542, "malignant": 584}
    assert Counter(column(table, "finest_label"))["melanoma"] == 584
    assert len(table.duplicates) == 425
    named = {name for pair in table.duplicates for name in pair}
    assert named <= set(column(table, "image_id"))
    assert table.faults == []
