"""A training's progress, as a benchmark follows it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dermctl.progress import SilentProgress, Task


class StepWatch(SilentProgress):
    """Calls its own ``advance`` at the end of each training step; shows nothing."""

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = "images"
    ) -> Iterator[Task]:
        """Hand out itself where training steps are counted."""
        with super().task(description, total, unit) as silent:
            yield self if unit == "steps" else silent

    def advance(self, amount: float = 1) -> None:
        """A step is over, as far as the host knows."""
        raise NotImplementedError

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        """Nothing is shown."""
