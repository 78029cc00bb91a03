"""The sources by name."""

from __future__ import annotations

from dermctl.datasets.sources import (
    ddi,
    derm7pt,
    fitzpatrick,
    folder,
    ham10000,
    isic,
    isic2016,
    isic2018,
    isic2019,
    isic2020,
    isic2024,
    padufes,
    sd198,
    table,
)
from dermctl.datasets.sources.base import Source
from dermctl.datasets.sources.locate import nearest_first
from dermctl.errors import UsageFault

_MODULES = (
    isic,
    padufes,
    fitzpatrick,
    ham10000,
    isic2016,
    isic2018,
    isic2019,
    isic2020,
    isic2024,
    ddi,
    derm7pt,
    sd198,
    table,
    folder,
)

SOURCES: dict[str, Source] = {module.SOURCE.name: module.SOURCE for module in _MODULES}
"""Every source, in the order that `data list` shows."""


def get_source(name: str) -> Source:
    """The source called `name`.

    Raises:
        UsageFault: there is none; the hint lists those there are, the nearest first.
    """
    if name not in SOURCES:
        names = ", ".join(nearest_first(name, list(SOURCES)))
        raise UsageFault(f"there is no source {name!r}", hint=f"Sources: {names}")
    return SOURCES[name]
