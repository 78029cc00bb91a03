from __future__ import annotations

import pytest

from dermctl.errors import DataError

from .layout import codes, column, place, read, write

HEADER = ",DDI_ID,DDI_file,skin_tone,malignant,disease"


def test_skin_tones_are_pairs_of_skin_types(tmp_path):
    write(
        tmp_path / "ddi_metadata.csv",
        HEADER,
        "0,1,000001.png,56,True,melanoma-in-situ",
        "1,2,000002.png,12,False,seborrheic-keratosis",
        "2,3,000003.png,34,False,verruca-vulgaris",
    )
    place(tmp_path, "000001.png", "000003.PNG")
    table = read("ddi", tmp_path)
    assert column(table, "skin_tone") == ["56", "12", "34"]
    assert column(table, "fitzpatrick") == [None] * 3
    assert column(table, "label") == ["True", "False", "False"]
    assert column(table, "finest_label")[0] == "melanoma-in-situ"
    assert column(table, "path") == ["000001.png", None, "000003.PNG"]
    assert column(table, "expected")[1] == "000002.png"
    assert table.faults == []


def test_another_skin_tone_is_told_of(tmp_path):
    write(tmp_path / "ddi_metadata.csv", HEADER, "0,1,000001.png,78,True,melanoma")
    table = read("ddi", tmp_path)
    assert column(table, "skin_tone") == [None]
    assert codes(table) == ["bad_value"]


def test_its_terms_are_named_where_it_is_missing(tmp_path):
    with pytest.raises(DataError) as caught:
        read("ddi", tmp_path)
    assert "terms forbid automatic download" in str(caught.value.hint)
