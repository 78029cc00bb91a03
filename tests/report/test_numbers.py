from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermctl.report.numbers import UNDEFINED, bounds, count, decimal, percent


@pytest.mark.parametrize(("number", "written"), [(0, "0"), (999, "999"), (1234567, "1,234,567")])
def test_thousands_are_divided(number, written):
    assert count(number) == written


def test_a_share_that_would_round_to_nothing_is_not_written_as_nothing():
    assert percent(1, 10_000) == "<0.1"
    assert percent(0, 10_000) == "0.0"
    assert percent(1, 3) == "33.3"
    assert percent(1, 0) == UNDEFINED


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_a_written_percentage_is_within_its_rounding(part, whole):
    written = percent(part, whole)
    if written != "<0.1":
        assert abs(float(written) - 100 * part / whole) <= 0.05 + 1e-9


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_written_as_undefined(value):
    assert decimal(value) == UNDEFINED


def test_decimals():
    assert decimal(0.8125) == "0.812"
    assert decimal(0.5, 1) == "0.5"
    assert decimal(-0.25, 2) == "−0.25"


def test_bounds_need_both_ends():
    assert bounds({"low": 0.1, "high": 0.25}) == "0.100–0.250"
    assert bounds({"low": -0.1, "high": 0.25}) == "−0.100 to 0.250"
    assert bounds({"low": None, "high": 0.25}) == ""
    assert bounds({"low": 0.1, "high": math.nan}) == ""
    assert bounds({}) == ""
