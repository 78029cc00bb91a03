from __future__ import annotations

import jinja2
import pytest

from dermctl import __version__
from dermctl.report.page import RESEARCH_USE, SYNTHETIC, Numbering, render
from tests.report.pages import read_page


@pytest.fixture
def page(tmp_path):
    def write(**values):
        path = tmp_path / "page.html"
        path.write_text(render("base.html", **values), encoding="utf-8")
        return path

    return write


def test_the_foot_says_what_a_page_is_for_and_who_wrote_it(page):
    text = read_page(page(synthetic=False)).text
    assert RESEARCH_USE == "Research use only; not a medical device."
    assert RESEARCH_USE in text
    assert f"dermctl {__version__}" in text
    assert SYNTHETIC not in text


def test_synthetic_data_are_named_before_anything_else(page):
    read = read_page(page(synthetic=True))
    assert SYNTHETIC == "synthetic: drawn by code, not patients"
    assert read.text.startswith(SYNTHETIC)


def test_the_page_forbids_itself_to_fetch(page):
    policies = [
        attributes["content"]
        for tag, attributes in read_page(page(synthetic=False)).tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_every_colour_has_a_light_a_dark_and_a_printed_value(page):
    style = page(synthetic=False).read_text(encoding="utf-8")
    for variable in ("--paper:", "--ink:", "--accent:", "--heat:", "--on-heat:", "--caution:"):
        assert style.count(variable) == 3, variable
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_a_value_that_was_not_given_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="synthetic"):
        render("base.html")


def test_tables_and_figures_are_numbered_apart():
    numbering = Numbering()
    assert [numbering.table(), numbering.table(), numbering.figure(), numbering.table()] == [
        1, 2, 1, 3,
    ]  # fmt: skip
