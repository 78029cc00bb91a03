"""A clock that goes only as a test moves it."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import pytest


def still_clock(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that ``module`` reads, in its one entry.

    Not ``time.monotonic`` itself: loader processes that are collected meanwhile wait by it.
    """
    now = [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now
