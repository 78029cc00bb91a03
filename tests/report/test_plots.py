from __future__ import annotations

import re
import warnings
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from dermctl.report import plots
from dermctl.report.plots import ACCENT, HEAT, INK, figure, short, to_svg


def draw(title="Title", names=("a", "b")):
    with figure(350, 200) as (drawing, axes):
        axes.barh(list(names), range(1, len(names) + 1), color=ACCENT)
        axes.plot([0, 1], [0, 1], color=HEAT, alpha=0.5)
        axes.text(0, 0, "#010101 'DejaVu Sans' 0.123456", color=INK)
        return to_svg(drawing, title, "What it shows.")


def texts(svg):
    root = ElementTree.fromstring(svg.replace("xlink:href", "href"))
    return [element.text for element in root.iter("text")]


def test_the_figure_keeps_its_size_in_css_pixels():
    plot = draw()
    assert plot.width == 350
    assert 'viewBox="0 0 350 200"' in plot.svg
    assert "max-width: 350px" in plot.svg


def test_colours_and_font_come_from_the_page():
    tags = "".join(re.findall(r"<[^>]+>", draw().svg))
    assert "var(--accent)" in tags
    assert "var(--heat)" in tags
    assert "var(--sans)" in tags
    assert not re.search(r"#[0-9a-fA-F]{6}\b", tags), "a colour that dark pages cannot change"
    assert "DejaVu" not in tags


def test_what_is_written_in_the_plot_is_left_as_it_is():
    assert "#010101 'DejaVu Sans' 0.123456" in texts(draw().svg)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "$x_1$", "a & b", '"quoted"', "鳞状"]
)
def test_any_name_is_text_and_nothing_else(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot = draw(title=name, names=(name, "b"))
    assert name in texts(plot.svg)
    assert "<script" not in plot.svg
    assert ElementTree.fromstring(plot.svg.replace("xlink:href", "href")).find("title").text == name


def test_the_same_figure_gives_the_same_bytes():
    assert draw().svg == draw().svg


def test_two_figures_share_no_name_that_either_refers_to():
    first, second = (set(re.findall(r'id="([^"]+)"', draw(title).svg)) for title in ("one", "two"))
    assert first
    assert not first & second


def test_nothing_is_left_behind_in_matplotlib():
    before = dict(mpl.rcParams)
    draw()
    assert dict(mpl.rcParams) == before


def test_every_stand_in_colour_is_replaced_by_a_variable_of_the_style():
    style = Path(plots.__file__).with_name("templates") / "style.css"
    known = set(re.findall(r"(--[a-z-]+):", style.read_text(encoding="utf-8")))
    assert set(plots._VARIABLES.values()) <= known


def test_long_names_are_cut():
    assert short("melanoma", 8) == "melanoma"
    assert short("malignant melanoma", 11) == "malignant…"
