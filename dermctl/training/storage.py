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
from dermctl.training.names import LAST, PREVIOUS

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
                    place.replace(place.with_name(f"{PREVIOUS}.ckpt"))
        except OSError as error:
            raise _fault(place, error) from error


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


def _fault(place: Path, error: OSError) -> TrainingError:
    reason = "the disk is full" if error.errno in _FULL else str(error.strerror or error).lower()
    last = next(
        (path for name in (LAST, PREVIOUS) if (path := place.with_name(f"{name}.ckpt")).exists()),
        None,
    )
    kept = f"Last good checkpoint: {last}. " if last else ""
    return TrainingError(
        f"a checkpoint could not be written: {reason}",
        where=place,
        hint=f"{kept}Free some space and run the same command again: it goes on from there",
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
        raise _fault(target, error) from error
