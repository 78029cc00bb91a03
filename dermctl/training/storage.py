"""Checkpoints on disk: whole or not at all, the one before kept beside."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from dermctl.errors import TrainingError
from dermctl.files import replacing
from dermctl.run_folder import LAST, PREVIOUS, checkpoint_path, run_of, sibling

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SafeCheckpointIO(TorchCheckpointIO):
    """Writes under a temporary name, to the disk itself, then renames."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write ``checkpoint`` as ``path``; the checkpoint there before becomes ``previous.ckpt``.

        Raises:
            TrainingError: the disk is full, or cannot be written to; what was there stays.
        """
        place = Path(path)
        try:
            with replacing(place) as temporary:
                with temporary.open("wb") as file:
                    _write(checkpoint, file)
                if place.exists() and place.stem == LAST:
                    place.replace(sibling(place, PREVIOUS))
        except OSError as error:
            raise disk_fault("a checkpoint", place, error, run=run_of(place)) from error


def _write(checkpoint: dict[str, Any], file: Any) -> None:
    try:
        torch.save(checkpoint, file)
    except RuntimeError as error:  # torch's writer hides the system's own error
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        file.write(b"\0")  # a full disk says so again here
        file.flush()
        raise
    file.flush()
    os.fsync(file.fileno())


def disk_fault(what: str, place: Path, error: OSError, *, run: Path | None) -> TrainingError:
    """What to say where the disk takes no more.

    Args:
        what: was to be written.
        place: where.
        error: the system's.
        run: its folder; None: there is none.
    """
    reason = "the disk is full" if error.errno in _FULL else str(error.strerror or error).lower()
    paths = [checkpoint_path(run, name) for name in (LAST, PREVIOUS)] if run else []
    last = next((path for path in paths if path.exists()), None)
    again = "Free some space and run the same command again"
    return TrainingError(
        f"{what} could not be written: {reason}",
        where=place,
        hint=f"Last good checkpoint: {last}. {again}: it goes on from there"
        if last
        else f"There is no checkpoint yet. {again}",
    )


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy a checkpoint under a temporary name, then rename.

    Raises:
        TrainingError: as ``SafeCheckpointIO.save_checkpoint``.
    """
    try:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
    except OSError as error:
        raise disk_fault("a checkpoint", target, error, run=run_of(target)) from error
