"""Encoders that ``zoo pull`` knows by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A published encoder.

    Args:
        name: to pull it by.
        url: of its weights.
        sha256: of those.
        encoder: timm name, with the tag whose normalisation holds; None: its ``about.json`` says.
        license: SPDX expression; None: its ``about.json`` says.
        citation: of who published it.
    """

    name: str
    url: str
    sha256: str
    encoder: str | None = None
    license: str | None = None
    citation: str | None = None


KNOWN: tuple[Known, ...] = ()
"""A row stands here only if its address, licence and checksum were held against the publisher's.
So far no dermatology encoder has been: labs pull from an address or from each other's folders."""
