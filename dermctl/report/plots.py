"""Matplotlib figures as inline SVG that takes its colours and its font from the page.

Figures are drawn in stand-in colours, which `to_svg` replaces by the page's CSS variables: one
SVG then serves light, dark and print. One unit of a figure is one CSS pixel, so text keeps its
size as long as a figure is not wider than a phone. The same figure gives the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# Stand-in colours (none of them used otherwise), each for the variable of style.css of that name.
INK, SOFT, RULE, PAPER = "#010101", "#010102", "#010103", "#010104"
ACCENT, SECOND, THIRD, FAINT = "#010105", "#010106", "#010107", "#010108"
HEAT, ON_HEAT = "#010109", "#010110"  # a filled cell, and what is written on it
_VARIABLES = {
    INK: "--ink",
    SOFT: "--soft",
    RULE: "--rule",
    PAPER: "--paper",
    ACCENT: "--accent",
    SECOND: "--second",
    THIRD: "--third",
    FAINT: "--faint",
    HEAT: "--heat",
    ON_HEAT: "--on-heat",
}
_FONT = "DejaVu Sans"
_POINTS_PER_INCH = 72
_STYLE: Any = {  # matplotlib's own type lists some 300 keys
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
    "text.parse_math": False,  # a class called "$x$" is no formula
    "font.family": [_FONT],
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "text.color": INK,
    "axes.titlecolor": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "path.simplify": False,
}


_NAME_LENGTH = 24


def short(name: str, length: int = _NAME_LENGTH) -> str:
    """A name cut to what fits beside a plot."""
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


@dataclass(frozen=True)
class Plot:
    """An SVG ready to be put into a page.

    Args:
        svg: the element, with a title and a description for those who do not see it.
        width: its natural width in CSS pixels.
    """

    svg: Markup
    width: int


@dataclass(frozen=True)
class Margins:
    """What lies around a figure's axes, in CSS pixels."""

    left: int
    right: int
    bottom: int
    top: int


@contextmanager
def figure(
    width: int, height: int, margins: Margins | None = None, **subplots: Any
) -> Iterator[tuple[Figure, Any]]:
    """A figure of ``width`` × ``height`` CSS pixels in the page's style, with its axes.

    Args:
        width: at most that of a phone, so that nothing is drawn smaller than it is.
        height: in the same unit.
        margins: None: as the labels need them. Given, like panels have like axes, and are drawn
            in half the time.
        subplots: as ``Figure.subplots`` takes them; without any, one pair of axes.
    """
    with mpl.rc_context(_STYLE):
        size = (width / _POINTS_PER_INCH, height / _POINTS_PER_INCH)
        drawing = Figure(figsize=size, layout="constrained" if margins is None else None)
        if margins is None:
            drawing.get_layout_engine().set(w_pad=0.02, h_pad=0.02)  # type: ignore[union-attr,call-arg]
        else:
            drawing.subplots_adjust(
                left=margins.left / width,
                right=1 - margins.right / width,
                bottom=margins.bottom / height,
                top=1 - margins.top / height,
            )
        yield drawing, drawing.subplots(**subplots)


def to_svg(drawing: Figure, title: str, description: str) -> Plot:
    """The figure as an inline SVG in the colours of the page.

    Args:
        drawing: a figure made inside `figure`, which must still be open.
        title: its name, read aloud and shown by a resting pointer.
        description: what it shows, in a sentence.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with mpl.rc_context({"svg.hashsalt": title}), warnings.catch_warnings():
        # The reader's browser draws the letters: that matplotlib's own font lacks one is no loss.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        warnings.filterwarnings("ignore", message=r"Matplotlib currently does not support")
        drawing.savefig(buffer, format="svg", metadata=nothing)
    width = round(drawing.get_figwidth() * _POINTS_PER_INCH)
    return Plot(_inline(buffer.getvalue(), width, title, description), width)


def _inline(document: str, width: int, title: str, description: str) -> Markup:
    head, _, content = document[document.index("<svg") :].partition(">")
    view_box = re.search(r'viewBox="[^"]*"', head)
    assert view_box is not None
    content = re.sub(r"<[^>]+>", _page_tag, content)
    return Markup(
        f'<svg {view_box[0]} style="max-width: {width}px" role="img" '
        f'aria-label="{escape(title)}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(description)}</desc>{content.rstrip()}"
    )


def _page_tag(tag: re.Match[str]) -> str:
    """One tag in the page's colours and font; what stands between tags is the reader's text."""
    text = re.sub(r'^<g id="[^"]*"', "<g", tag[0])  # names that other figures have, too
    text = re.sub(r"(\.\d\d)\d+", r"\1", text)  # a hundredth of a pixel is enough
    text = text.replace(f"'{_FONT}'", "var(--sans)")
    return re.sub(r"#0101\d\d\b", lambda colour: f"var({_VARIABLES[colour[0]]})", text)
