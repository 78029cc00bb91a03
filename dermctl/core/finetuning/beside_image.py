"""What metadata add: the fused head against the image alone, on the validation images."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from dermctl.checkpoint import read_checkpoint
from dermctl.core.loading import LoaderSettings, class_numbers, evaluation_loader, stored_images
from dermctl.core.metadata import metadata_of
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split
from dermctl.inference import probabilities, run_model
from dermctl.metrics.bootstrap import Interval
from dermctl.metrics.paired import paired_difference
from dermctl.models.restore import restore_classifier, restore_image_alone
from dermctl.progress import SILENT, Progress


class Both(nn.Module):
    """Logits with metadata and of the image alone, side by side [B, 2 C]."""

    def __init__(self, encoder: nn.Module, fused: nn.Module, alone: nn.Module) -> None:
        super().__init__()
        self.encoder, self.fused, self.alone = encoder, fused, alone

    def forward(self, images: torch.Tensor, metadata: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W] and [B, M] -> [B, 2 C]."""
        embeddings = self.encoder(images)
        return torch.cat([self.fused(embeddings, metadata), self.alone(embeddings)], dim=1)


def compare_with_image_alone(
    checkpoint: Path,
    val: Split,
    settings: LoaderSettings,
    device: str,
    progress: Progress = SILENT,
) -> dict[str, Interval]:
    """With metadata minus the image alone, for every overall metric, paired over groups.

    The head of the image alone was fitted on the same encoder and the same training images; both
    are scored where the best epoch (or C) was chosen, so both are a little flattered.

    Args:
        checkpoint: of a model with metadata.
        val: the validation rows.
        settings: of the loader.
        device: where the model runs.
        progress: one unit an image.
    """
    read = read_checkpoint(checkpoint)
    model = restore_classifier(read)
    images = stored_images([val])
    logits = run_model(
        Both(model.encoder, model.classifier, restore_image_alone(read)),
        evaluation_loader(
            images, transform_of(read.about), settings, metadata=metadata_of(read.about, val)
        ),
        read.about,
        device=device,
        images=len(images),
        what="with and without metadata",
        progress=progress,
    )
    fused, alone = (probabilities(part) for part in logits.chunk(2, dim=1))
    truth = class_numbers(val, read.about.classes)
    return paired_difference(truth, fused, alone, val.column("group_id"))
