"""A progress that remembers what was said."""

from __future__ import annotations

from dermctl.progress import SilentProgress


class Told(SilentProgress):
    """Shows nothing; ``said`` holds the lines."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)
