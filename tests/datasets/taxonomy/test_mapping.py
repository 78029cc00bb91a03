from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermctl.datasets.sources.registry import SOURCES
from dermctl.datasets.taxonomy import HAM7_CLASSES, TARGETS, map_labels
from dermctl.datasets.taxonomy.source_labels import LABELS
from dermctl.errors import DataError, UsageFault


def mapped(labels, source, target, **options):
    return map_labels(labels, source, target, **options).labels


def read_column(path: Path, name: str) -> list[str]:
    with path.open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_ham10000_on_malignancy_leaves_akiec_out_and_counts_it():
    result = map_labels(["nv", "akiec", "mel", "akiec", "bcc", "vasc"], "ham10000", "malignancy")
    assert result.labels == ["benign", None, "malignant", None, "malignant", "benign"]
    assert result.left_out == {"indeterminate": {"akiec": 2}}
    assert result.left_out_count == 2
    assert result.settled == {}


@pytest.mark.parametrize("side", ["malignant", "benign"])
def test_indeterminate_labels_can_be_put_on_a_side_and_that_is_recorded(side):
    labels = ["akiec", "nv", "akiec"]
    result = map_labels(labels, "ham10000", "malignancy", indeterminate=side)
    assert result.labels == [side, "benign", side]
    assert result.left_out == {}
    assert result.settled == {"akiec": 2}
    assert result.recipe()["indeterminate"] == side
    assert json.loads(json.dumps(result.recipe())) == result.recipe()


def test_actinic_keratosis_is_indeterminate_in_every_source():
    for source, label in (
        ("padufes", "ACK"),
        ("isic", "Solar or actinic keratosis"),
        ("isic", "actinic keratosis"),
        ("isic2019", "AK"),
        ("fitzpatrick", "actinic keratosis"),
    ):
        result = map_labels([label], source, "malignancy")
        assert result.left_out == {"indeterminate": {label: 1}}
        assert mapped([label], source, "ham7") == ["akiec"]


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("fitzpatrick", "psoriasis"),
        ("fitzpatrick", "neurofibromatosis"),
        ("fitzpatrick", "non-neoplastic"),
        ("isic", "Verruca"),
        ("isic", "Inflammatory or infectious diseases"),
        ("isic", "scar"),
    ],
)
def test_what_is_no_neoplasm_is_no_benign_neoplasm(source, label):
    for side in (None, "benign", "malignant"):
        result = map_labels([label], source, "malignancy", indeterminate=side)
        assert result.labels == [None]
        assert result.left_out == {"non-neoplastic": {label: 1}}


def test_every_unknown_label_is_named_at_once():
    with pytest.raises(DataError) as caught:
        map_labels(["nv", "nevus", "NV ", "melanom", None], "ham10000", "ham7")
    assert "2 labels of ham10000: 'melanom', 'nevus'" in caught.value.what
    assert "--label" in str(caught.value.hint)


def test_rows_without_a_label_are_left_out_and_counted():
    result = map_labels([None, "nv", "", "nv"], "ham10000", "ham7")
    assert result.labels == [None, "nv", None, "nv"]
    assert result.left_out == {"unlabelled": {"": 2}}


def test_unknown_is_no_class():
    assert map_labels(["UNK"], "isic2019", "malignancy").left_out == {"unknown": {"UNK": 1}}
    assert map_labels(["unknown"], "isic2020", "isic1").left_out == {"unknown": {"unknown": 1}}


@pytest.mark.parametrize(
    ("source", "label", "target", "reason"),
    [
        ("ham10000", "akiec", "isic1", "straddles"),
        ("ham10000", "bkl", "isic3", "straddles"),
        ("ham10000", "vasc", "isic3", "too coarse"),
        ("padufes", "SCC", "ham7", "too coarse"),
        ("isic", "Benign", "ham7", "too coarse"),
        ("isic", "Benign melanocytic proliferations", "ham7", "too coarse"),
        ("isic", "Kaposi sarcoma", "ham7", "outside"),
        ("isic", "Cysts", "ham7", "outside"),
        ("isic", "Malignant", "isic2", "too coarse"),
        ("isic", "adnexal tumor", "malignancy", "indeterminate"),
        ("isic", "adnexal tumor", "isic1", "straddles"),
        ("fitzpatrick", "striae", "isic1", "non-neoplastic"),
        ("ddi", "False", "isic1", "too coarse"),
        ("derm7pt", "lentigo", "ham7", "straddles"),
        ("derm7pt", "miscellaneous", "malignancy", "unknown"),
    ],
)
def test_a_known_label_without_a_class_says_why(source, label, target, reason):
    result = map_labels([label], source, target)
    assert result.labels == [None]
    assert result.left_out == {reason: {label: 1}}


@pytest.mark.parametrize(
    ("source", "label", "target", "expected"),
    [
        ("ham10000", "bkl", "isic2", "Benign epidermal proliferations"),
        ("ham10000", "nv", "isic3", "Nevus"),
        ("ham10000", "vasc", "isic1", "Benign"),
        ("padufes", "SEK", "ham7", "bkl"),
        ("padufes", "SCC", "malignancy", "malignant"),
        ("isic", "Squamous cell carcinoma in situ, Bowens disease", "ham7", "akiec"),
        ("isic", "Melanoma metastasis", "ham7", "mel"),
        ("isic", "Hemangioma, Cherry", "ham7", "vasc"),
        ("isic", "Subungual hemorrhage", "ham7", "vasc"),
        ("isic", "lichenoid keratosis", "ham7", "bkl"),
        ("isic", "vascular lesion", "ham7", "vasc"),
        ("isic", "pigmented benign keratosis", "isic3", "Pigmented benign keratosis"),
        ("isic", "AIMP", "isic1", "Indeterminate"),
        ("isic2018", "MEL", "malignancy", "malignant"),
        ("isic2019", "SCC", "isic1", "Malignant"),
        ("isic2020", "benign", "malignancy", "benign"),
        ("isic2024", "1.0", "malignancy", "malignant"),
        ("isic2024", "0", "malignancy", "benign"),
        ("isic2016", "malignant", "isic1", "Malignant"),
        ("fitzpatrick", "granuloma pyogenic", "ham7", "vasc"),
        ("fitzpatrick", "malignant melanoma", "ham7", "mel"),
        ("fitzpatrick", "lentigo maligna", "isic3", "Melanoma in situ"),
        ("fitzpatrick", "psoriasis", "isic2", "Inflammatory or infectious diseases"),
        ("derm7pt", "melanoma (less than 0.76 mm)", "isic3", "Melanoma Invasive"),
        ("ddi", "True", "malignancy", "malignant"),
    ],
)
def test_labels_and_their_classes(source, label, target, expected):
    assert mapped([label], source, target) == [expected]
    assert mapped([f"  {label.upper()} "], source, target) == [expected]


def test_synonyms_and_typos_are_one():
    for pair in (
        ("melanoma", "malignant melanoma"),
        ("pyogenic granuloma", "granuloma pyogenic"),
        ("erythema annulare centrifigum", "erythema annulare centrifugum"),
        (
            "papilomatosis confluentes and reticulate",
            "papillomatosis confluens and reticulate",
        ),
    ):
        first, second = (LABELS["fitzpatrick"][label] for label in pair)
        assert first == second


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", LABELS)
def test_every_known_label_has_a_class_or_a_reason(source, target):
    labels = list(LABELS[source])
    result = map_labels(labels, source, target)
    reasons = {label for counts in result.left_out.values() for label in counts}
    for label, found in zip(labels, result.labels, strict=True):
        assert (found is None) == (label in reasons)
    if target == "ham7":
        assert set(result.labels) - {None} <= set(HAM7_CLASSES)
    if target == "malignancy":
        assert set(result.labels) - {None} <= {"malignant", "benign"}


def test_the_sources_of_the_taxonomy_are_sources():
    assert set(LABELS) <= set(SOURCES)


@given(st.lists(st.sampled_from([*LABELS["padufes"], None])))
def test_no_row_is_lost(labels):
    result = map_labels(labels, "padufes", "malignancy")
    assert len(result.labels) == len(labels)
    assert result.left_out_count == result.labels.count(None)


def test_unknown_names_are_answered_with_what_there_is():
    with pytest.raises(UsageFault, match="no target 'malignant'") as caught:
        map_labels([], "isic", "malignant")
    assert str(caught.value.hint).startswith("Choose from: malignancy,")
    with pytest.raises(UsageFault, match="no source with shared targets 'folder'"):
        map_labels([], "folder", "ham7")
    with pytest.raises(UsageFault, match="no side"):
        map_labels([], "isic", "malignancy", indeterminate="both")
    with pytest.raises(UsageFault, match="on malignancy only"):
        map_labels([], "isic", "ham7", indeterminate="benign")


@pytest.mark.real_data
def test_real_fitzpatrick_labels_follow_the_publishers_partition_but_for_actinic_keratosis(
    real_data,
):
    path = real_data / "fitzpatrick17k" / "fitzpatrick17k.csv"
    labels = read_column(path, "label")
    parts = read_column(path, "three_partition_label")
    assert len(set(labels)) == 114
    result = map_labels(labels, "fitzpatrick", "malignancy")
    for label, part, found in zip(labels, parts, result.labels, strict=True):
        if label == "actinic keratosis" or part == "non-neoplastic":
            assert found is None
        else:
            assert found == part
    assert Counter(result.labels) == {"benign": 2_234, "malignant": 2_263 - 175, None: 12_255}
    assert result.left_out["indeterminate"] == {"actinic keratosis": 175}
    assert sum(result.left_out["non-neoplastic"].values()) == 12_080


@pytest.mark.real_data
@pytest.mark.parametrize("column", ["label", "nine_partition_label", "three_partition_label"])
@pytest.mark.parametrize("target", TARGETS)
def test_every_real_fitzpatrick_label_is_known(real_data, column, target):
    labels = read_column(real_data / "fitzpatrick17k" / "fitzpatrick17k.csv", column)
    result = map_labels(labels, "fitzpatrick", target)
    assert result.left_out_count == result.labels.count(None)


@pytest.mark.real_data
def test_real_isic_2020_diagnoses_agree_with_their_own_column(real_data):
    path = real_data / "isic_metadata" / "ISIC_2020_Training_GroundTruth.csv"
    given_sides = read_column(path, "benign_malignant")
    found = mapped(read_column(path, "diagnosis"), "isic2020", "malignancy")
    pairs = Counter(zip(found, given_sides, strict=True))
    assert pairs["malignant", "malignant"] == 584
    assert pairs["malignant", "benign"] == 0
    assert pairs["benign", "malignant"] == 0
    assert pairs["benign", "benign"] == 5_417


@pytest.mark.real_data
def test_real_ham10000_keeps_its_own_classes(real_data):
    labels = read_column(real_data / "ham10000" / "HAM10000_metadata.csv", "dx")
    result = map_labels(labels, "ham10000", "ham7")
    assert result.labels == labels
    assert result.left_out == {}
