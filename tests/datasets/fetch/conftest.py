"""A server on loopback, and downloads without long waits."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from dermctl.datasets.fetch.backoff import Backoff
from dermctl.datasets.fetch.many import Manner
from tests.server import Server

QUICK = Backoff(first=0.01, longest=0.05, patience=5.0)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "DERMCTL_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.close()


@pytest.fixture
def quick() -> Manner:
    """Four transfers at a time, hardly any waiting, seeded jitter."""
    return Manner(workers=4, per_host=4, backoff=QUICK, random=Random(0))
