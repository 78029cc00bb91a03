from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from .layout import column, place, read, write

HEADER = (
    "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,"
    "skin_cancer_history,cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,"
    "diameter_1,diameter_2,diagnostic,itch,grew,hurt,changed,bleed,elevation,img_id,biopsed"
)
ROWS = (
    "PAT_46,881,False,False,BRAZIL,BRASIL,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,5.0,"
    "BCC,True,UNK,False,True,True,True,PAT_46_881_939.png,True",
    "PAT_77,881,,,,,8,,,,,,,,ARM,,,NEV,False,False,False,False,False,False,PAT_77_881_1.png,False",
    "PAT_77,,,,,,9,,MALE,,,,,6.0,ARM,,,ACK,UNK,False,False,False,False,False,PAT_77_0_2.png,False",
)


@pytest.fixture
def raw(tmp_path):
    write(tmp_path / "metadata.csv", HEADER, *ROWS)
    return tmp_path


def test_a_lesion_is_keyed_by_its_patient_too(raw):
    table = read("padufes", raw)
    assert column(table, "patient_id") == ["PAT_46", "PAT_77", "PAT_77"]
    assert column(table, "lesion_id") == ["PAT_46_881", "PAT_77_881", None]
    assert column(table, "src_lesion_id") == ["881", "881", ""]


def test_the_publishers_spellings_are_understood(raw):
    table = read("padufes", raw)
    assert column(table, "fitzpatrick") == [3, None, 6]
    assert column(table, "skin_tone") == ["34", None, "56"]
    assert column(table, "sex") == ["female", None, "male"]
    assert column(table, "site") == ["neck", "arm", "arm"]
    assert column(table, "age") == [55.0, 8.0, 9.0]
    assert column(table, "src_biopsed") == ["True", "False", "False"]
    assert set(column(table, "license")) == {"cc-by"}
    assert set(column(table, "modality")) == {"clinical"}
    assert table.faults == []


def test_symptoms_and_backgrounds_stay_as_they_are_written(raw):
    table = read("padufes", raw)
    assert column(table, "src_grew") == ["UNK", "False", "False"]
    assert column(table, "src_itch") == ["True", "False", "UNK"]
    assert column(table, "src_background_father")[0] == "BRAZIL"
    assert column(table, "src_background_mother")[0] == "BRASIL"
    assert column(table, "src_smoke") == ["False", "", ""]


@pytest.mark.parametrize("folder", ["images/", "images/imgs_part_2/", "imgs_part_1/", ""])
def test_images_may_lie_in_any_of_the_known_layouts(raw, folder):
    place(raw, f"{folder}PAT_77_881_1.PNG")
    table = read("padufes", raw)
    assert column(table, "path") == [None, f"{folder}PAT_77_881_1.PNG", None]
    assert table.unlisted == []


def test_a_row_without_a_file_says_where_it_was_looked_for(raw):
    assert column(read("padufes", raw), "expected")[0] == "images/PAT_46_881_939.png"


@pytest.mark.real_data
def test_the_real_table(real_data):
    table = read("padufes", real_data / "pad-ufes-20")
    assert table.table.num_rows == 2_298
    assert sum(path is not None for path in column(table, "path")) == 353
    assert Counter(column(table, "label")) == {
        "BCC": 845,
        "ACK": 730,
        "NEV": 244,
        "SEK": 235,
        "SCC": 192,
        "MEL": 52,
    }
    assert len([name for name in table.table.column_names if name.startswith("src_")]) == 26
    assert table.faults == []
    assert table.unlisted == []


@pytest.mark.real_data
def test_no_real_lesion_belongs_to_two_patients_though_250_of_its_ids_do(real_data):
    table = read("padufes", real_data / "pad-ufes-20")
    shared = {}
    for name in ("lesion_id", "src_lesion_id"):
        patients = defaultdict(set)
        for patient, lesion in zip(column(table, "patient_id"), column(table, name), strict=True):
            patients[lesion].add(patient)
        shared[name] = sum(len(found) > 1 for found in patients.values())
    assert shared == {"lesion_id": 0, "src_lesion_id": 250}
    assert len(set(column(table, "lesion_id"))) == 1_891
