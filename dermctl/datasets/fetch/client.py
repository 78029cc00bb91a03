"""The HTTP client: connections kept and bounded, timeouts, few redirects, and a mirror."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import httpx

from dermctl import __version__

MIRROR_VARIABLE = "DERMCTL_MIRROR"
"""Names the address of a mirror: `https://host/path` is then fetched from `MIRROR/host/path`."""

OWN_AGENT = f"dermctl/{__version__} (research software)"
BROWSER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
"""For hosts that answer nothing else."""

CONNECT_SECONDS = 10.0
READ_SECONDS = 45.0
MAX_REDIRECTS = 8


def make_client(connections: int, browser: bool = False) -> httpx.Client:
    """A client for up to `connections` transfers at a time; threads may share it."""
    return httpx.Client(
        http2=False,
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None),
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
        headers={
            "User-Agent": BROWSER_AGENT if browser else OWN_AGENT,
            "Accept": "image/*,*/*;q=0.8" if browser else "*/*",
            # Sizes, ranges and checksums are those of the bytes as they are.
            "Accept-Encoding": "identity",
        },
    )


def mirrored(url: str, mirror: str | None = None) -> str:
    """Where `url` is fetched from: the mirror that the environment names, or itself."""
    mirror = os.environ.get(MIRROR_VARIABLE, "") if mirror is None else mirror
    mirror = mirror.rstrip("/")
    if not mirror or url.startswith(f"{mirror}/"):
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{mirror}/{parts.netloc}{parts.path}{query}"
