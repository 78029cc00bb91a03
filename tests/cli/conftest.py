"""Hosts as folders of one server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from dermctl.datasets.fetch.backoff import Backoff
from dermctl.datasets.fetch.many import Manner
from tests.server import Server


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """All hosts as folders of one server, an empty workspace, and hardly any waiting."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "DERMCTL_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    monkeypatch.setenv("DERMCTL_MIRROR", server.url)
    monkeypatch.chdir(tmp_path)
    quick = partial(Manner, backoff=Backoff(first=0.01, longest=0.05), random=Random(0))
    monkeypatch.setattr("dermctl.core.data.download.Manner", quick)
    yield server
    server.close()
