"""``finetune --mode linear``: embeddings once, then an exact linear probe, saved as a model."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from dermctl.checkpoint import Description, save_checkpoint
from dermctl.core.loading import (
    LoaderSettings,
    class_numbers,
    evaluation_loader,
    stored_images,
)
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split
from dermctl.exposure import Exposure
from dermctl.inference import run_model
from dermctl.methods.linear_probe import LinearProbe, fit_linear_probe
from dermctl.progress import SILENT, Progress
from dermctl.training import BEST, csv_logger, quiet_lightning, tensorboard_logger


def train_linear(
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
) -> dict[str, float]:
    """Fit a probe on the encoder's embeddings and write ``checkpoints/best.ckpt``.

    Returns:
        The validation scores of the chosen C, under ``val/…``.
    """
    embeddings = {
        split.name: _embed(encoder, split, about, settings, device, progress)
        for split in (train, val)
    }
    probe = fit_linear_probe(
        embeddings["train"].double().numpy(),
        class_numbers(train, about.classes),
        embeddings["val"].double().numpy(),
        class_numbers(val, about.classes),
        classes=len(about.classes),
        monitor=monitor,
        balanced=balanced,
        progress=progress,
    )
    _log(run, probe)
    state = {f"encoder.{key}": value.cpu() for key, value in encoder.state_dict().items()}
    state["classifier.weight"] = torch.tensor(probe.weight, dtype=torch.float32)
    state["classifier.bias"] = torch.tensor(probe.bias, dtype=torch.float32)
    save_checkpoint(run / "checkpoints" / f"{BEST}.ckpt", about, state, exposure)
    chosen = dict(probe.scores)[probe.cost]
    return {f"val/{name}": value for name, value in chosen.items()}


def _embed(
    encoder: nn.Module,
    split: Split,
    about: Description,
    settings: LoaderSettings,
    device: str,
    progress: Progress,
) -> torch.Tensor:
    images = stored_images([split])
    return run_model(
        encoder,
        evaluation_loader(images, transform_of(about), settings),
        about,
        device=device,
        images=len(images),
        what=f"embed {split.name}",
        progress=progress,
    )


def _log(run: Path, probe: LinearProbe) -> None:
    with quiet_lightning():
        for logger in (csv_logger(run), tensorboard_logger(run)):
            for step, (cost, scores) in enumerate(probe.scores):
                values = {f"val/{name}": value for name, value in scores.items()}
                logger.log_metrics({"C": cost, **values}, step)
            logger.save()
            logger.finalize("success")
