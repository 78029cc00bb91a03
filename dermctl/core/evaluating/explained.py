"""Maps of what a model weighed in chosen images, drawn over them (``--explain N``)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from matplotlib import colormaps

from dermctl.checkpoint import Checkpoint
from dermctl.core.evaluating.mistakes import decided_image, placed
from dermctl.core.loading import IntArray, stored_images
from dermctl.core.metadata import metadata_of
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split
from dermctl.inference import FloatArray
from dermctl.models.explain import map_method, relevance_maps
from dermctl.models.restore import restore_classifier
from dermctl.progress import SILENT, Progress
from dermctl.report.evaluation import Explanations
from dermctl.views.evaluation import EvaluationDataset
from dermctl.views.normalization import to_float

Pixels = npt.NDArray[np.uint8]

COLORMAP = "viridis"
"""Of the maps: dark is least, yellow most; as light as it is strong, also in grey."""
OPACITY = 0.55
"""Of a map over its image."""
_QUALITY = 88


def check_explained(checkpoint: Checkpoint) -> str:
    """The method of the maps, known before any image is read.

    Raises:
        ConfigError: no map can be drawn of this encoder.
    """
    about = checkpoint.about
    return map_method(restore_classifier(checkpoint).encoder, about.encoder, about.image_size)


def explain(
    checkpoint: Checkpoint,
    method: str,
    rows: Split,
    truth: IntArray,
    predicted: FloatArray,
    *,
    count: int,
    averaged: bool,
    folder: Path,
    device: str,
    progress: Progress = SILENT,
) -> Explanations:
    """Each image as the model sees it, and beside it the map over it.

    Pictures follow the rules of those of mistakes: embedded, or linked beside the page; blurred.

    Args:
        checkpoint: of the model that is explained, the first of an ensemble.
        method: as `check_explained` says.
        rows: the images.
        truth: [n] class numbers.
        predicted: [n, C] probabilities; Grad-CAM explains the decision by them.
        count: images, see `chosen_images`; all where there are fewer.
        averaged: whether the probabilities are averages over models or views.
        folder: of the page.
        device: where the model runs.
        progress: one unit an image.
    """
    about = checkpoint.about
    dataset = EvaluationDataset(
        stored_images([rows]), transform_of(about), metadata=metadata_of(about, rows)
    )
    model = restore_classifier(checkpoint).to(device)
    decided = predicted.argmax(1)
    synthetic = bool(rows.description["synthetic"])
    shown = []
    chosen = chosen_images(truth, predicted, count)
    with progress.task(f"explain by {method}", len(chosen)) as task:
        for index in chosen:
            batch = dataset.__getitems__([index])
            maps = relevance_maps(
                model,
                method,
                to_float(batch["images"].to(device), about.mean, about.std),
                torch.tensor([decided[index]], device=device),
                *(batch[name].to(device) for name in ("metadata",) if name in batch),
            )
            both = beside(batch["images"][0].numpy(), maps[0].cpu().numpy())
            jpeg = simplejpeg.encode_jpeg(both, quality=_QUALITY, colorspace="RGB")
            picture, link = placed(
                jpeg, rows, index, folder, synthetic=synthetic, suffix="-weighed"
            )
            shown.append(
                decided_image(
                    rows,
                    index,
                    truth,
                    predicted,
                    about.classes,
                    picture=picture,
                    link=link,
                    synthetic=synthetic,
                )
            )
            task.advance(1)
    return Explanations(method, shown, averaged)


def chosen_images(truth: IntArray, predicted: FloatArray, count: int) -> list[int]:
    """Which images: the most confident mistakes first, then the most confident right decisions."""
    right = predicted.argmax(1) == truth
    return [int(index) for index in np.lexsort((-predicted.max(1), right))[:count]]


def beside(pixels: Pixels, weighed: npt.NDArray[np.float32]) -> Pixels:
    """The image, and right of it the map over the image: uint8 [S, S, 3] -> [S, 2 S, 3].

    Args:
        pixels: uint8 [S, S, 3].
        weighed: [S, S] in 0..1.
    """
    colours = 255 * colormaps[COLORMAP](weighed)[:, :, :3]
    mixed = (1 - OPACITY) * pixels + OPACITY * colours
    return np.concatenate([pixels, mixed.round().astype(np.uint8)], axis=1)
