"""One family of errors: what is wrong, where, and what to type next.

Core code raises these; only the command line turns them into a line and an exit code.
"""

from __future__ import annotations

from pathlib import Path


class DermctlError(Exception):
    """A fault that the user can mend.

    Args:
        what: the fault, in a few words, without a full stop.
        where: the file, row, key or flag it was met in.
        hint: the next step, as an imperative ("Prepare it with: dermctl data prepare isic").
    """

    exit_code = 1

    def __init__(
        self, what: str, *, where: str | Path | None = None, hint: str | None = None
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint
        super().__init__(what)

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where else ""
        step = f". {self.hint}" if self.hint else ""
        return " ".join(f"{self.what}{place}{step}".split())


class UsageFault(DermctlError):  # noqa: N818 - a slip of the user, no error of the program
    """A flag or argument that cannot be used as given (exit code 2)."""

    exit_code = 2


class DataError(DermctlError):
    """A source, a manifest, a split or a store is missing, damaged or unusable."""


class ConfigError(DermctlError):
    """A configuration has unknown keys or values out of range; all faults are listed at once."""


class CheckpointError(DermctlError):
    """A checkpoint is missing, damaged, or does not match what it is asked to fill."""


class TrainingError(DermctlError):
    """A training cannot start or cannot go on."""


class ExportError(DermctlError):
    """An exported file does not reproduce the model it was made from."""


class LeakError(DermctlError):
    """Images would be evaluated that the model has already seen."""


def in_a_line(error: Exception) -> str:
    """What kind of error it is, and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
