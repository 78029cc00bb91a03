"""Running a trained model over images: probabilities and embeddings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from dermctl.checkpoint import Description
from dermctl.progress import SILENT, Progress
from dermctl.views.normalization import to_float

FloatArray = npt.NDArray[np.float64]


def run_model(
    model: nn.Module,
    batches: Iterable[dict[str, torch.Tensor]],
    about: Description,
    *,
    device: str,
    images: int,
    what: str,
    progress: Progress = SILENT,
) -> torch.Tensor:
    """Outputs of ``model`` for every batch, in order, float32 [n, …] on the CPU.

    Args:
        model: normalised images [B, 3, H, W] -> [B, …]; where the batches have metadata, it takes
            them as a second argument.
        batches: with ``images`` uint8 [B, S, S, 3], and perhaps ``metadata`` float32 [B, M].
        about: its mean and std normalise the images.
        device: where the model runs.
        images: how many there are in all.
        what: what is being done, for the progress bar.
        progress: one unit an image.
    """
    model = model.to(device).eval()  # out here: what moves in inference mode is never trained again
    outputs = []
    with torch.inference_mode(), progress.task(what, images) as task:
        for batch in batches:
            pixels = batch["images"].to(device, non_blocking=True)
            beside = [batch[name].to(device) for name in ("metadata",) if name in batch]
            outputs.append(model(to_float(pixels, about.mean, about.std), *beside).float().cpu())
            task.advance(len(pixels))
    return torch.cat(outputs) if outputs else torch.empty(0)


def probabilities(logits: torch.Tensor) -> FloatArray:
    """Softmax in float64: [n, C] logits -> rows that sum to 1."""
    return np.asarray(logits.double().softmax(1).numpy())
