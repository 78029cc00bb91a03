"""Signals that stop a training: it saves after the step under way, and ends."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from dermctl.errors import TrainingError

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGUSR1", "SIGINT") if hasattr(signal, name)
)
"""What a person (Ctrl-C), a system that shuts down and SLURM (``--signal=USR1@120``) send."""
_ENDED_BY_SIGNAL = 128


class Interrupted(TrainingError):  # noqa: N818 - asked for, no error
    """A training was asked to stop, and can go on; the exit code is 128 plus the signal's number.

    Args:
        signum: the signal.
        where: the checkpoint to go on from.
        when: how far it had come.
    """

    def __init__(self, signum: int, *, where: str, when: str) -> None:
        super().__init__(
            f"stopped by {signal.Signals(signum).name} {when}",
            where=where,
            hint="The same command goes on from there",
        )
        self.exit_code = _ENDED_BY_SIGNAL + signum


class StopSignals:
    """Notes the first signal; a second one ends the process as if none were caught."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def install(self) -> None:
        """Take the signals over (possible in the main thread only)."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}

    def remove(self) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.received is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.received = number
