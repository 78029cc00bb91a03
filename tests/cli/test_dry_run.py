"""What a dry run shows."""

from __future__ import annotations

import pytest

from dermctl.cli.dry_run import readable_time


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 s"),
        (59.2, "59 s"),
        (61, "1 min"),
        (59.6 * 60, "1 h"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (24 * 3600, "1 d"),
        (53 * 3600, "2 d 5 h"),
    ],
)
def test_times_for_people(seconds: float, shown: str) -> None:
    assert readable_time(seconds) == shown
