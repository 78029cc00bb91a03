"""The page: one HTML file, rendered from the templates beside this module, that fetches nothing.

Everything a page needs (style, plots, pictures) lies inside the file, and its content security
policy forbids the rest. Whatever comes from a data set is escaped.
"""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from dermctl import __version__
from dermctl.report import numbers

RESEARCH_USE = "Research use only; not a medical device."
SYNTHETIC = "synthetic: drawn by code, not patients"
_TEMPLATES = Path(__file__).with_name("templates")


def render(template: str, **values: Any) -> str:
    """The page that ``template`` (a file of ``templates/``) makes of ``values``.

    Raises:
        jinja2.UndefinedError: when the template uses a value that was not given.
    """
    return _environment().get_template(template).render(values, numbering=Numbering())


class Numbering:
    """Hands out the numbers of a page's tables and figures in the order that they are met."""

    def __init__(self) -> None:
        self._tables, self._figures = itertools.count(1), itertools.count(1)

    def table(self) -> int:
        """The next table's number."""
        return next(self._tables)

    def figure(self) -> int:
        """The next figure's number."""
        return next(self._figures)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        research_use=RESEARCH_USE, synthetic_label=SYNTHETIC, version=__version__
    )
    environment.filters.update(
        count=numbers.count, percent=numbers.percent, decimal=numbers.decimal
    )
    return environment
