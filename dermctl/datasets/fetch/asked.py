"""One file that is wanted: where it comes from, where it goes, what it must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal["image", "archive", "table", "json", "file"]

MAX_NAME = 200
"""Characters of one name in a path; file systems take 255 bytes."""
_FORBIDDEN = frozenset("\0\\:")  # end of string, and what parts paths on Windows


@dataclass(frozen=True)
class Asked:
    """One file to fetch.

    Args:
        url: where it lies; http or https.
        file: its path below the folder, with "/".
        kind: what its bytes must look like.
        size: bytes, where they are known beforehand.
        md5, sha256: hexadecimal, where they are published.
    """

    url: str
    file: str
    kind: Kind = "image"
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None

    @property
    def host(self) -> str:
        """The host and port that is asked."""
        return urlsplit(self.url).netloc.lower()


def address_fault(url: str) -> str | None:
    """The reason why `url` cannot be asked for at all, or None."""
    if not url.strip():
        return "no_url"
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "bad_url"
    return None if whole else "bad_url"


def is_safe(path: str) -> bool:
    """Whether `path`, with "/", stays below the folder it is joined to, on any system."""
    names = path.split("/")
    return all(
        name not in ("", ".", "..")
        and len(name) <= MAX_NAME
        and name == name.strip()
        and not _FORBIDDEN.intersection(name)
        and name.isprintable()
        for name in names
    )
