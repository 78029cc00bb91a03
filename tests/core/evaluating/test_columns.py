"""By what images are divided: asked for, by default, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dermctl.core.evaluating.columns import MOST_VALUES, age_band, subgroup_columns
from dermctl.datasets.prepared import Split
from dermctl.errors import UsageFault

PLAIN: dict[str, list[Any]] = {
    "image_id": [f"i{number}" for number in range(4)],
    "fitzpatrick": [1, 2, None, 6],
    "sex": ["female", "male", None, "male"],
    "age": [29.0, 30.0, None, 85.0],
    "site": [None] * 4,
    "modality": ["clinical"] * 4,
    "dataset": ["clinic"] * 4,
    "src_region": ["arm", "face", "", "arm"],
}


def rows(**changes: list[Any]) -> Split:
    table = pa.table({**PLAIN, **changes})
    return Split(Path("data/clinic"), "test", table, {}, "")


def test_skin_type_is_the_default_where_it_is_known() -> None:
    assert subgroup_columns(rows(), None) == {"fitzpatrick": [1, 2, None, 6]}
    assert subgroup_columns(rows(fitzpatrick=[None] * 4), None) == {}


def test_a_second_rater_stands_beside_the_first() -> None:
    second = {"src_fitzpatrick_centaur": ["1", "3", "-1", "6"]}
    assert list(subgroup_columns(rows(**second), None)) == ["fitzpatrick", *second]
    assert list(subgroup_columns(rows(**second), ["sex", "fitzpatrick"])) == [
        "sex",
        "fitzpatrick",
        *second,
    ]
    unknown = {"src_fitzpatrick_centaur": ["-1", "", "-1", "unknown"]}
    assert list(subgroup_columns(rows(**unknown), None)) == ["fitzpatrick"]


def test_pairs_of_skin_types_serve_where_single_ones_are_not_known() -> None:
    pairs = {"fitzpatrick": [None] * 4, "src_skin_tone": ["12", "34", "56", "12"]}
    assert list(subgroup_columns(rows(**pairs), None)) == ["src_skin_tone"]


def test_all_is_what_is_known_and_divides() -> None:
    assert list(subgroup_columns(rows(), ["all"])) == ["fitzpatrick", "sex", "age"]
    assert subgroup_columns(rows(), ["none"]) == {}


def test_columns_of_the_source_go_with_and_without_their_prefix() -> None:
    for name in ("region", "src_region"):
        assert subgroup_columns(rows(), [name]) == {"src_region": PLAIN["src_region"]}


def test_ages_go_by_bands() -> None:
    assert subgroup_columns(rows(), ["age"])["age"] == ["0–29", "30–44", None, "75+"]
    assert [age_band(age) for age in (0.0, 44.9, 45.0, 60.0, 74.0, 75.0, 120.0)] == [
        "0–29", "30–44", "45–59", "60–74", "60–74", "75+", "75+",
    ]  # fmt: skip
    assert age_band(float("nan")) is None


def test_what_divides_nothing_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageFault, match="has no column") as caught:
        subgroup_columns(rows(), ["hair"])
    assert "fitzpatrick, sex, age, site, modality, dataset, src_region" in str(caught.value)
    with pytest.raises(UsageFault, match="site is not known of any image of clinic/test"):
        subgroup_columns(rows(), ["site"])
    many = [f"x{number}" for number in range(MOST_VALUES + 1)]
    table = pa.table({"image_id": many, "src_many": many})
    wide = Split(Path("data/clinic"), "test", table, {}, "")
    with pytest.raises(UsageFault, match="41 different values, too many"):
        subgroup_columns(wide, ["many"])
