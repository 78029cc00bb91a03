from __future__ import annotations

import pytest

from dermctl.datasets.sources import values


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("CC-0", "cc-0"),
        ("CC0", "cc-0"),
        ("CC0 1.0", "cc-0"),
        ("Public Domain", "cc-0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc-0"),
        ("CC-BY", "cc-by"),
        ("CC BY 4.0", "cc-by"),
        ("cc-by-4.0", "cc-by"),
        ("CC-BY-NC", "cc-by-nc"),
        ("CC BY-NC-SA 3.0", "cc-by-nc-sa"),
        ("CC BY-NC-ND 4.0", "cc-by-nc-nd"),
        ("http://creativecommons.org/licenses/by-nc/4.0/", "cc-by-nc"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0", "cc-by-nc-sa"),
        ("All rights reserved", "all-rights-reserved"),
        ("", None),
        (None, None),
    ],
)
def test_licences_become_short_tokens(text, token):
    assert values.normalise_license(text) == token


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("1", 1),
        ("6.0", 6),
        (" 3 ", 3),
        ("IV", 4),
        ("Type II", 2),
        ("FST V", 5),
        ("-1", None),
        ("0", None),
        ("", None),
        ("unknown", None),
    ],
)
def test_skin_types(cell, kind):
    assert values.parse_fitzpatrick(cell) == kind


@pytest.mark.parametrize("cell", ["7", "2.5", "brown", "nan?", "inf"])
def test_what_is_no_skin_type_is_refused(cell):
    with pytest.raises(ValueError, match=r".+"):
        values.parse_fitzpatrick(cell)


def test_skin_tones_pair_the_skin_types():
    pairs = [values.skin_tone(kind) for kind in (1, 2, 3, 4, 5, 6, None)]
    assert pairs == ["12", "12", "34", "34", "56", "56", None]


@pytest.mark.parametrize(
    ("cell", "age"), [("80.0", 80.0), ("0", 0.0), ("85+", 85.0), ("", None), ("unknown", None)]
)
def test_ages(cell, age):
    assert values.parse_age(cell) == age


@pytest.mark.parametrize("cell", ["-3", "121", "old", "infinity"])
def test_what_is_no_age_is_refused(cell):
    with pytest.raises(ValueError, match=r".+"):
        values.parse_age(cell)


@pytest.mark.parametrize(
    ("cell", "sex"),
    [("FEMALE", "female"), ("m", "male"), ("Male", "male"), ("unknown", None), ("", None)],
)
def test_sexes(cell, sex):
    assert values.parse_sex(cell) == sex


def test_what_is_no_sex_or_split_is_refused():
    with pytest.raises(ValueError, match="no sex"):
        values.parse_sex("x")
    with pytest.raises(ValueError, match="no split"):
        values.parse_split("fold 3")


@pytest.mark.parametrize(
    ("cell", "split"), [("Training", "train"), ("valid", "val"), ("TEST", "test"), ("", None)]
)
def test_splits(cell, split):
    assert values.parse_split(cell) == split


@pytest.mark.parametrize("cell", ["", " ", "NaN", "unknown", "None", "N/A", "-1"])
def test_an_unknown_patient_is_no_patient(cell):
    assert values.parse_id(cell) is None


def test_a_label_is_tidied_and_unknown_is_one():
    assert values.parse_label("  basal  cell\tcarcinoma ") == "basal cell carcinoma"
    assert values.parse_label("unknown") == "unknown"
    assert values.parse_label("") is None
