from __future__ import annotations

import pytest

from dermctl.datasets.taxonomy import map_labels
from dermctl.datasets.taxonomy.isic_tree import all_nodes, find_node, node


def test_the_tree_has_three_levels_under_three_roots():
    nodes = all_nodes()
    assert [place[0] for place in nodes if len(place) == 1] == [
        "Benign",
        "Indeterminate",
        "Malignant",
    ]
    assert {len(place) for place in nodes} == {1, 2, 3}
    assert all(place[:-1] in nodes for place in nodes if len(place) > 1)


def test_every_node_is_found_by_its_name_and_by_its_path():
    for place in all_nodes():
        assert find_node(place[-1]) == place
        assert find_node(":".join(place)) == place
        assert find_node("::".join(place).upper()) == place


@pytest.mark.parametrize(
    ("label", "place"),
    [
        ("Nevus, NOS, Compound", "Nevus"),
        ("Nevus, Atypical, Dysplastic, or Clark", "Nevus"),
        ("Blue nevus, Cellular", "Nevus"),
        ("Melanoma Invasive, Superficial spreading", "Melanoma Invasive"),
        ("Melanoma in situ, Lentigo maligna type", "Melanoma in situ"),
        (
            "Squamous cell carcinoma, Invasive, NOS, well differentiated",
            "Squamous cell carcinoma, Invasive",
        ),
        ("Basal cell carcinoma, Nodular", "Basal cell carcinoma"),
        ("Actinic keratosis, Bowenoid", "Solar or actinic keratosis"),
        ("Hidradenoma, Apocrine, Predominantly with clear cells", "Hidradenoma, Apocrine"),
        ("Lymphomatoid papulosis", "Primary cutaneous CD30+ lymphoproliferative disease"),
        ("Muluscum", "Molluscum"),
    ],
)
def test_finer_diagnoses_belong_to_their_level_3(label, place):
    assert find_node(label) == node(place)
    assert len(node(place)) == 3


@pytest.mark.parametrize("label", ["", "nonsense", "Nevusy", "carcinoma, Invasive"])
def test_what_is_no_diagnosis_is_not_found(label):
    assert find_node(label) is None


def test_an_isic_diagnosis_maps_to_itself_and_its_parents():
    for place in all_nodes():
        for level in (1, 2, 3):
            result = map_labels([place[-1]], "isic", f"isic{level}")
            expected = place[level - 1] if len(place) >= level else None
            assert result.labels == [expected]
