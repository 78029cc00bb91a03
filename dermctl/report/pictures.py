"""Pictures of single images on a page: embedded, or linked beside it; never fetched."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from dermctl.report.evaluated import Mistake
from dermctl.report.numbers import percent

REDISTRIBUTABLE = frozenset({"cc-0", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa"})
"""Licences under which a picture may be embedded in a page that is passed on."""
THIRD_PARTY_SOURCES = frozenset({"fitzpatrick"})
"""Sources whose licence is of the annotations: the images belong to others."""

_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"RIFF": "image/webp"}


@dataclass(frozen=True)
class Picture:
    """One image with what the model made of it.

    Args:
        image_id, truth, decision: as in `Mistake`.
        percent: the probability of the decision.
        address: the picture itself as a data address; None: not embedded.
        link: the relative address of its file; None: no file.
        blurred: whether it shows only when it is clicked.
    """

    image_id: str
    truth: str
    decision: str
    percent: str
    address: str | None
    link: str | None
    blurred: bool


def as_picture(mistake: Mistake) -> Picture:
    """A mistake ready for the page.

    Raises:
        ValueError: for bytes that are no JPEG, PNG or WebP, or a link that is not relative to
            the page.
    """
    return Picture(
        mistake.image_id,
        mistake.truth,
        mistake.decision,
        percent(round(1000 * mistake.probability), 1000),
        None if mistake.picture is None else data_address(mistake.picture),
        None if mistake.link is None else relative_link(mistake.link),
        mistake.blurred,
    )


def may_embed(license: str | None, source: str, *, synthetic: bool) -> bool:
    """Whether a picture may lie in a page that is passed on: drawn ones, and those licensed so."""
    return synthetic or (license in REDISTRIBUTABLE and source not in THIRD_PARTY_SOURCES)


def is_blurred(modality: str | None, *, synthetic: bool) -> bool:
    """Whether a picture shows only when it is clicked: whatever may be a photograph of a person."""
    return modality != "dermoscopic" and not synthetic


def data_address(picture: bytes) -> str:
    """The bytes of a picture as a ``data:`` address.

    Raises:
        ValueError: when they are no JPEG, PNG or WebP.
    """
    for start, kind in _KINDS.items():
        if picture.startswith(start):
            return f"data:{kind};base64,{base64.b64encode(picture).decode('ascii')}"
    raise ValueError("a picture must be JPEG, PNG or WebP bytes")


def relative_link(link: str) -> str:
    """A relative address, quoted.

    Raises:
        ValueError: when it names another machine, a scheme, or a place on this machine only.
    """
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link.startswith("/"):
        raise ValueError(f"a picture's link must be relative to the page: {link!r}")
    return quote(link)
