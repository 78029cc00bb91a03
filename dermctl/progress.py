"""How core code reports long work: a small protocol, silent by default.

Only the command line draws bars (``dermctl.cli.progress``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of long work under way."""

    def advance(self, amount: float = 1) -> None:
        """Count ``amount`` more units as done."""

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        """Change the total, or the short note shown beside the bar."""


class Progress(Protocol):
    """Where core code reports long work and the choices it makes."""

    def task(
        self, description: str, total: float | None = None, unit: str = "images"
    ) -> AbstractContextManager[Task]:
        """Open a task of ``total`` units (None: unknown)."""

    def say(self, message: str) -> None:
        """Tell the user of a choice or a warning while work goes on."""

    def fail(self, message: str) -> None:
        """Tell the user why the process ends; nothing follows, and no bar stays open."""


class _SilentTask:
    def advance(self, amount: float = 1) -> None:
        pass

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        pass


class SilentProgress:
    """Reports nothing: the default of every core function."""

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = "images"
    ) -> Iterator[Task]:
        yield _SilentTask()

    def say(self, message: str) -> None:
        pass

    def fail(self, message: str) -> None:
        pass


SILENT: Progress = SilentProgress()
