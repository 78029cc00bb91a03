"""The encoder that a fine-tuning starts from, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from dermctl.checkpoint import Checkpoint, read_checkpoint
from dermctl.config.trainings import FinetuneConfig
from dermctl.errors import CheckpointError
from dermctl.exposure import Exposure
from dermctl.models.encoder import build_encoder
from dermctl.models.restore import restore_encoder
from dermctl.models.zoo.entry import read_entry
from dermctl.models.zoo.shelf import is_entry, named, origin
from dermctl.progress import Progress
from dermctl.run_folder import BEST, LAST, sibling
from dermctl.workspace import Workspace

RANDOM = "none"
"""``--from none``: an encoder at random initialisation."""

_DEFAULT_ENCODER = "vit_small_patch16_224"
_DEFAULT_SIZE = 224


@dataclass(frozen=True)
class Start:
    """The encoder that a training starts from, and where it comes from."""

    encoder: nn.Module
    name: str
    image_size: int
    source: str
    synthetic: bool
    exposure: Exposure
    leaks: tuple[str, ...] = ()  # that were allowed when it was trained
    mean: tuple[float, ...] | None = None  # of the normalisation it is used to; None: none yet
    std: tuple[float, ...] | None = None


def choose_start(workspace: Workspace, config: FinetuneConfig, progress: Progress) -> Start:
    """Build the encoder that the configuration asks for.

    Raises:
        CheckpointError: a checkpoint or zoo entry that is missing, damaged or of another encoder.
        ConfigError: an encoder or image size that cannot be had.
    """
    path = _checkpoint_path(workspace, config, progress)
    if path is None:
        name = config.encoder or _DEFAULT_ENCODER
        size = config.image_size or _DEFAULT_SIZE
        encoder = build_encoder(name, size, drop_path=config.drop_path)
        return Start(encoder, name, size, "random initialisation", False, Exposure.nothing())
    checkpoint = _read(path)
    about = checkpoint.about
    if about.kind == "pretrain" and config.label_fraction < 1:
        _warn_of_labels(path, progress)
    if config.encoder not in (None, about.encoder):
        raise CheckpointError(
            f"the checkpoint holds {about.encoder}, not {config.encoder}",
            where=path,
            hint="Leave --encoder out, or take --from none",
        )
    size = config.image_size or about.image_size
    encoder = restore_encoder(checkpoint, image_size=size, drop_path=config.drop_path)
    return Start(
        encoder,
        about.encoder,
        size,
        origin(path),
        about.synthetic,
        checkpoint.exposure,
        about.leaks,
        about.mean,
        about.std,
    )


def _read(path: Path) -> Checkpoint:
    return read_entry(path) if is_entry(path) else read_checkpoint(path)


def _checkpoint_path(
    workspace: Workspace, config: FinetuneConfig, progress: Progress
) -> Path | None:
    if config.from_checkpoint == RANDOM:
        return None
    if config.from_checkpoint is not None:
        return named(config.from_checkpoint, workspace.zoo, others=f"--from {RANDOM}")
    newest = workspace.newest_checkpoint("pretrain")
    if newest is None:
        progress.say("no --from given, and nothing pretrained here: random initialisation")
    elif config.encoder is None or read_checkpoint(newest).about.encoder == config.encoder:
        return _without_labels(newest, config, progress)
    else:
        progress.say(
            f"no --from given, and the newest pretraining is no {config.encoder}: "
            "random initialisation"
        )
    return None


def _without_labels(newest: Path, config: FinetuneConfig, progress: Progress) -> Path:
    """The checkpoint to take: with few labels, one that no label has chosen."""
    last = sibling(newest, LAST)
    if config.label_fraction < 1 and last.is_file():
        progress.say(
            f"no --from given: {last}, the newest pretraining; its last epoch, since its best one "
            "was chosen with all labels"
        )
        return last
    progress.say(f"no --from given: {newest}, the newest pretraining")
    return newest


def _warn_of_labels(path: Path, progress: Progress) -> None:
    """Say where a checkpoint is named that may have been chosen with more labels than are used."""
    last = sibling(path, LAST)
    if path == sibling(path, BEST) and last.is_file():
        progress.say(
            f"warning: {path} may have been chosen by more labels than --label-fraction leaves; "
            f"the last epoch was not: --from {last}"
        )
