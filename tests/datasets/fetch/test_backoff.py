from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from dermctl.datasets.fetch.backoff import Backoff, retry_after

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def test_each_wait_may_be_twice_as_long_up_to_the_longest():
    backoff, random = Backoff(first=1.0, longest=10.0), Random(0)
    for tries, most in enumerate([1, 2, 4, 8, 10, 10, 10], 1):
        waits = [backoff.delay(tries, random) for _ in range(200)]
        assert most / 2 <= min(waits) < max(waits) <= most
        assert max(waits) - min(waits) > most / 3  # jitter: not all come back at one moment


def test_the_same_seed_waits_the_same():
    backoff = Backoff()
    assert backoff.delay(3, Random(5)) == backoff.delay(3, Random(5))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header, seconds):
    assert retry_after(header, NOW) == seconds
