"""Modes that leave the encoder as it is: embeddings once, then a head that is fitted exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dermctl.checkpoint import Description, save_checkpoint
from dermctl.core.inputs import warn_of_enlarging
from dermctl.core.loading import (
    LoaderSettings,
    class_numbers,
    evaluation_loader,
    stored_images,
)
from dermctl.core.metadata import metadata_of
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split
from dermctl.exposure import Exposure
from dermctl.inference import run_model
from dermctl.methods.linear_probe import fit_linear_probe
from dermctl.methods.nearest_neighbours import fit_nearest_neighbours
from dermctl.progress import SILENT, Progress
from dermctl.run_folder import BEST, checkpoint_path
from dermctl.training import csv_logger, quiet_lightning, tensorboard_logger

FloatArray = npt.NDArray[np.float64]
Scores = dict[str, float]


@dataclass(frozen=True)
class FittedHead:
    """A head fitted on embeddings.

    Args:
        state: its weights, as the classifier's ``state_dict`` names them.
        scores: of the choice that was made, on validation.
        tried: the name of what was chosen among (C, k), and the scores of each value.
        about: what a checkpoint says of it, see ``Description.head``.
    """

    state: Mapping[str, torch.Tensor]
    scores: Scores
    tried: tuple[str, tuple[tuple[float, Scores], ...]]
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Embedded:
    """Embeddings [n, D] and class numbers [n] of the training and validation images.

    ``metadata`` are [n, M] of each, where the model takes them.
    """

    train: FloatArray
    train_labels: npt.NDArray[np.int64]
    val: FloatArray
    val_labels: npt.NDArray[np.int64]
    classes: int
    metadata: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None = None

    def fused(self) -> Embedded:
        """Embeddings and metadata side by side, as a fused head takes them."""
        if self.metadata is None:
            return self
        train, val = self.metadata
        return replace(
            self,
            train=np.concatenate([self.train, train], axis=1),
            val=np.concatenate([self.val, val], axis=1),
            metadata=None,
        )


def embed(
    encoder: nn.Module,
    about: Description,
    train: Split,
    val: Split,
    settings: LoaderSettings,
    device: str,
    progress: Progress = SILENT,
) -> Embedded:
    """Pass every image through the encoder once, as evaluation sees it."""
    found = []
    warn_of_enlarging(about.image_size, [train], progress)
    for split in (train, val):
        images = stored_images([split])
        embeddings = run_model(
            encoder,
            evaluation_loader(images, transform_of(about), settings),
            about,
            device=device,
            images=len(images),
            what=f"embed {split.name}",
            progress=progress,
        )
        found += [embeddings.double().numpy(), class_numbers(split, about.classes)]
    train_metadata, val_metadata = (metadata_of(about, split) for split in (train, val))
    metadata = None
    if train_metadata is not None and val_metadata is not None:
        metadata = (train_metadata, val_metadata)
    return Embedded(
        found[0], found[1], found[2], found[3], classes=len(about.classes), metadata=metadata
    )


def fit_linear(
    embedded: Embedded, *, monitor: str, balanced: bool, progress: Progress = SILENT
) -> FittedHead:
    """Logistic regression; C is chosen on validation."""
    probe = fit_linear_probe(
        embedded.train,
        embedded.train_labels,
        embedded.val,
        embedded.val_labels,
        classes=embedded.classes,
        monitor=monitor,
        balanced=balanced,
        progress=progress,
    )
    state = {
        "weight": torch.tensor(probe.weight, dtype=torch.float32),
        "bias": torch.tensor(probe.bias, dtype=torch.float32),
    }
    return FittedHead(state, dict(probe.scores)[probe.cost], ("C", probe.scores))


def fit_neighbours(
    embedded: Embedded, *, monitor: str, balanced: bool, progress: Progress = SILENT
) -> FittedHead:
    """A vote of nearest neighbours; k is chosen on validation."""
    head, tried = fit_nearest_neighbours(
        embedded.train,
        embedded.train_labels,
        embedded.val,
        embedded.val_labels,
        classes=embedded.classes,
        monitor=monitor,
        balanced=balanced,
        progress=progress,
    )
    about = {"kind": "knn", "k": head.k, "temperature": head.temperature}
    return FittedHead(head.state_dict(), dict(tried)[float(head.k)], ("k", tried), about)


FITS: dict[str, Callable[..., FittedHead]] = {"linear": fit_linear, "knn": fit_neighbours}
"""Mode -> how its head is fitted."""


def train_frozen(
    mode: str,
    run: Path,
    encoder: nn.Module,
    about: Description,
    train: Split,
    val: Split,
    *,
    exposure: Exposure,
    settings: LoaderSettings,
    device: str,
    monitor: str,
    balanced: bool,
    progress: Progress = SILENT,
) -> Scores:
    """Fit a head on the encoder's embeddings and write ``checkpoints/best.ckpt``.

    Returns:
        The validation scores of the chosen C or k, under ``val/…``.
    """
    embedded = embed(encoder, about, train, val, settings, device, progress)
    fit = partial(FITS[mode], monitor=monitor, balanced=balanced, progress=progress)
    head = fit(embedded.fused())
    _log(run, head)
    state = {f"encoder.{key}": value.cpu() for key, value in encoder.state_dict().items()}
    state |= {f"classifier.{key}": value for key, value in head.state.items()}
    if embedded.metadata is not None:
        state |= {f"alone.{key}": value for key, value in fit(embedded).state.items()}
    about = replace(about, head={**about.head, **head.about})
    save_checkpoint(checkpoint_path(run, BEST), about, state, exposure)
    return {f"val/{name}": value for name, value in head.scores.items()}


def _log(run: Path, head: FittedHead) -> None:
    name, tried = head.tried
    with quiet_lightning():
        for logger in (csv_logger(run), tensorboard_logger(run)):
            for step, (value, scores) in enumerate(tried):
                values = {f"val/{key}": score for key, score in scores.items()}
                logger.log_metrics({name: value, **values}, step)
            logger.save()
            logger.finalize("success")
