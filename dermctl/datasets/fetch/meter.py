"""How far a download is: files, bytes, rate, failures, for the progress bar."""

from __future__ import annotations

import threading
import time

from dermctl.progress import Task

FEW = 16
"""Up to so many files the bar counts megabytes: one archive is no measure of time."""
_MEGA = 1e6
_SECONDS_BETWEEN_NOTES = 0.3


def unit_for(files: int) -> str:
    """What the bar counts."""
    return "MB" if files <= FEW else "files"


class Meter:
    """Counts what transfers report, from any thread, and tells it to a progress task.

    Args:
        task: the bar; advanced in megabytes where `files` are few, else in files.
        files: how many are asked for.
    """

    def __init__(self, task: Task, files: int) -> None:
        self.task = task
        self.bytes = 0
        self.done = 0
        self.failed = 0
        self._files = files
        self._by_bytes = unit_for(files) == "MB"
        self._shown_bytes = 0.0
        self._there: dict[int, int] = {}
        self._totals: dict[int, int] = {}
        self._lock = threading.Lock()
        self._begun = self._noted = time.monotonic()

    def begun(self, number: int, there: int, total: int | None) -> None:
        """A body of file `number` begins: so much is there already, so much it will be."""
        if self._by_bytes:
            with self._lock:
                self._there[number] = there
                if total is not None:
                    self._totals[number] = total

    def received(self, number: int, count: int) -> None:
        """So many bytes of file `number` came."""
        with self._lock:
            self.bytes += count
            if self._by_bytes:
                self._there[number] = self._there.get(number, 0) + count

    def ended(self, *, failed: bool) -> None:
        """A file is there, or has failed."""
        self.done += 1
        self.failed += failed
        if not self._by_bytes:
            self.task.advance(1)

    def show(self, *, last: bool = False) -> None:
        """Bring the bar up to date, some times a second at most."""
        now = time.monotonic()
        if not last and now - self._noted < _SECONDS_BETWEEN_NOTES:
            return
        self._noted = now
        if self._by_bytes:
            with self._lock:
                there = sum(self._there.values()) / _MEGA
                total = sum(self._totals.values()) / _MEGA
            self.task.update(total=total or None)
            self.task.advance(there - self._shown_bytes)
            self._shown_bytes = there
        self.task.update(note=self._note(now))

    def _note(self, now: float) -> str:
        seconds = now - self._begun
        rate = f", {readable_size(round(self.bytes / seconds))}/s" if seconds > 1 else ""
        files = f"{self.done:,} of {self._files:,} files, " if self._by_bytes else ""
        failed = f", {self.failed:,} failed" if self.failed else ""
        return f"{files}{readable_size(self.bytes)}{rate}{failed}"


def readable_size(count: int) -> str:
    """Bytes as people say them: 812 kB, 2.8 GB."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("B", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
