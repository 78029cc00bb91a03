"""Another lab's zoo, and that zoo behind an address."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from dermctl.core.zoo.add import add
from dermctl.datasets.fetch.backoff import Backoff
from dermctl.datasets.fetch.many import Manner
from dermctl.workspace import Workspace
from tests.models.zoo.made import save, seen
from tests.server import Server

URL = "https://lab.example/zoo/derm"
PATH = "/lab.example/zoo/derm"


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of their encoder, `derm`."""
    folder = tmp_path_factory.mktemp("theirs")
    return add(
        Workspace(folder), "derm", save(folder / "x.ckpt", exposure=seen()), license="MIT"
    ).folder


@pytest.fixture
def site(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Their encoder at its address; hardly any waiting."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "DERMCTL_ZOO"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    monkeypatch.setenv("DERMCTL_MIRROR", server.url)
    quick = partial(Manner, backoff=Backoff(first=0.01, longest=0.05), random=Random(0))
    monkeypatch.setattr("dermctl.core.zoo.fetching.Manner", quick)
    for path in theirs.iterdir():
        server.files[f"{PATH}/{path.name}"] = path.read_bytes()
    yield server
    server.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty one."""
    return Workspace(tmp_path / "ours")
