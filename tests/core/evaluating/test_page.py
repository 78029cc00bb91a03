"""What the page says about how the dataset was divided."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from dermctl.core.evaluating.page import division_limits
from dermctl.datasets.division import Recipe
from dermctl.datasets.prepared import Split


@pytest.mark.parametrize("searched", [True, False])
def test_it_says_where_near_duplicates_were_not_searched_for(searched: bool) -> None:
    recipe = Recipe(near_duplicates=searched).to_json()
    rows = Split(Path("data/x"), "test", pa.table({"image_id": ["a"]}), {"split": recipe}, "")
    limits = division_limits(rows)
    assert [("Near-duplicates were not searched for" in limit) for limit in limits] == (
        [] if searched else [True]
    )
