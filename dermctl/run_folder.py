"""Where a training's folder keeps its checkpoints."""

from __future__ import annotations

from pathlib import Path

BEST, LAST = "best", "last"
PREVIOUS = "previous"
"""The one before the last, kept until the run has come to its end: a last one may be cut short."""
_CHECKPOINTS = "checkpoints"


def checkpoint_path(run: Path, name: str) -> Path:
    """``checkpoints/<name>.ckpt`` of a run's folder; ``name`` is BEST, LAST or PREVIOUS."""
    return run / _CHECKPOINTS / f"{name}.ckpt"


def sibling(checkpoint: Path, name: str) -> Path:
    """The checkpoint called ``name`` beside another one."""
    return checkpoint.with_name(f"{name}.ckpt")


def run_of(checkpoint: Path) -> Path | None:
    """The folder of the run that a checkpoint lies in; None: it lies elsewhere."""
    return checkpoint.parent.parent if checkpoint.parent.name == _CHECKPOINTS else None
