from __future__ import annotations

import pytest

from dermctl.errors import DataError

from .layout import column, place, read, write

PRESENT = (
    "isic_id,attribution,copyright_license,age_approx,anatom_site_1,anatom_site_2,diagnosis_1,"
    "diagnosis_2,diagnosis_3,fitzpatrick_skin_type,image_type,lesion_id,patient_id,sex",
    'ISIC_1,"Clinic, A",CC-0,85,Trunk,Back,Malignant,Malignant melanocytic proliferations '
    '(Melanoma),"Melanoma, NOS",III,dermoscopic,IL_1,IP_1,female',
    "ISIC_2,Clinic B,CC-BY,,Head and neck,,Benign,,,,clinical: close-up,,,male",
    "ISIC_3,Clinic B,CC-BY-NC,40,,,Indeterminate,,,VI,TBP tile: overview,IL_3,IP_3,",
)
LEGACY = (
    "isic_id,attribution,copyright_license,anatom_site_general,benign_malignant,diagnosis,sex",
    "ISIC_1,Anonymous,CC-0,lower extremity,malignant,melanoma,male",
    "ISIC_2,Anonymous,CC-0,,benign,nevus,female",
    "ISIC_3,Anonymous,CC-0,,benign,,female",
)


def test_present_downloads(tmp_path):
    write(tmp_path / "metadata.csv", *PRESENT)
    place(tmp_path, "images/ISIC_1.jpg", "images/ISIC_2.JPG")
    table = read("isic", tmp_path)
    assert table.label_column == "diagnosis_1"
    assert column(table, "label") == ["Malignant", "Benign", "Indeterminate"]
    assert column(table, "finest_label") == ["Melanoma, NOS", "Benign", "Indeterminate"]
    assert column(table, "path") == ["images/ISIC_1.jpg", "images/ISIC_2.JPG", None]
    assert column(table, "license") == ["cc-0", "cc-by", "cc-by-nc"]
    assert column(table, "src_copyright_license") == ["CC-0", "CC-BY", "CC-BY-NC"]
    assert column(table, "attribution")[0] == "Clinic, A"
    assert column(table, "fitzpatrick") == [3, None, 6]
    assert column(table, "modality") == ["dermoscopic", "clinical", "tbp"]
    assert column(table, "site") == ["back", "head and neck", None]
    assert column(table, "age") == [85.0, None, 40.0]
    assert column(table, "patient_id") == ["IP_1", None, "IP_3"]
    assert column(table, "lesion_id") == ["IL_1", None, "IL_3"]
    assert table.faults == []


def test_older_downloads_with_legacy_names(tmp_path):
    write(tmp_path / "metadata.csv", *LEGACY)
    table = read("isic", tmp_path)
    assert table.label_column == "benign_malignant"
    assert column(table, "label") == ["malignant", "benign", "benign"]
    assert column(table, "finest_label") == ["melanoma", "nevus", "benign"]
    assert column(table, "site") == ["lower extremity", None, None]
    assert column(table, "patient_id") == [None] * 3
    assert column(table, "modality") == [None] * 3


def test_no_column_but_the_id_is_taken_for_granted(tmp_path):
    write(tmp_path / "metadata.csv", "isic_id,sex", "ISIC_1,female")
    table = read("isic", tmp_path, label="sex")
    assert column(table, "label") == ["female"]
    assert column(table, "finest_label") == [None]
    assert column(table, "license") == [None]


def test_without_any_diagnosis_the_label_must_be_named(tmp_path):
    write(tmp_path / "metadata.csv", "isic_id,sex", "ISIC_1,female")
    with pytest.raises(DataError, match="there is no column 'diagnosis_1'"):
        read("isic", tmp_path)


def test_images_may_lie_beside_the_table(tmp_path):
    write(tmp_path / "metadata.csv", *LEGACY)
    place(tmp_path, "ISIC_2.jpg", "attribution.txt", "licenses/CC-0.txt")
    table = read("isic", tmp_path)
    assert column(table, "path") == [None, "ISIC_2.jpg", None]
    assert table.unlisted == []
