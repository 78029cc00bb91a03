"""When to ask again: later each time, never all at once, and not before the host says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random


@dataclass(frozen=True)
class Backoff:
    """Exponential, with jitter, so that many clients do not come back at one moment.

    Args:
        first: seconds before the second try, at most.
        longest: seconds before any try, at most.
        patience: seconds that a host may ask to be left alone; if it wants more, the file is
            left for another run.
    """

    first: float = 1.0
    longest: float = 60.0
    patience: float = 600.0

    def delay(self, tries: int, random: Random) -> float:
        """Seconds to wait after `tries` tries: between half and all of ``first * 2^(tries-1)``."""
        return min(self.longest, self.first * 2.0 ** (tries - 1)) * random.uniform(0.5, 1.0)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a `Retry-After` header asks for: a number, or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    text = header.strip()
    if text.isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())
