from __future__ import annotations

import pytest

from dermctl.datasets.fetch import meter as module
from dermctl.datasets.fetch.meter import FEW, Meter, readable_size, unit_for
from tests.clock import still_clock


class Bar:
    """A progress task that remembers what it was told."""

    def __init__(self) -> None:
        self.done, self.total, self.note = 0.0, None, ""

    def advance(self, amount: float = 1) -> None:
        self.done += amount

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        self.total = self.total if total is None else total
        self.note = self.note if note is None else note


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return still_clock(module, monkeypatch)


def test_many_files_are_counted_in_files():
    bar = Bar()
    meter = Meter(bar, FEW + 1)
    meter.begun(0, 0, 100)
    meter.received(0, 100)
    meter.ended(failed=False)
    meter.ended(failed=True)
    meter.show(last=True)
    assert unit_for(FEW + 1) == "files"
    assert (bar.done, bar.note) == (2, "100 B, 1 failed")


def test_few_files_are_counted_in_megabytes():
    bar = Bar()
    meter = Meter(bar, 2)
    meter.begun(0, 3_000_000, 10_000_000)  # three were there already
    meter.received(0, 2_000_000)
    meter.begun(1, 0, 1_000_000)
    meter.show(last=True)
    assert unit_for(2) == "MB"
    assert (bar.done, bar.total) == (5.0, 11.0)
    meter.begun(0, 0, 10_000_000)  # it has to begin anew
    meter.show(last=True)
    assert bar.done == 0.0
    assert meter.bytes == 2_000_000
    assert bar.note == "0 of 2 files, 2.0 MB"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (812_345, "812 kB"), (2_769_000_000, "2.8 GB"), (4.2e12, "4.2 TB")],
)
def test_sizes_as_people_say_them(count, text):
    assert readable_size(int(count)) == text


def test_the_rate_is_said_in_a_unit_that_fits(now):
    bar = Bar()
    meter = Meter(bar, FEW + 1)
    meter.received(0, 50_000)
    now[0] += 2
    meter.show(last=True)
    assert bar.note == "50 kB, 25 kB/s"
