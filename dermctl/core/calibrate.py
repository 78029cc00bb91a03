"""The last step of a fine-tuning: temperature and thresholds, from the validation split alone."""

from __future__ import annotations

from pathlib import Path

from dermctl.checkpoint import add_fitted, read_checkpoint
from dermctl.core.loading import LoaderSettings, class_numbers, evaluation_loader, stored_images
from dermctl.core.metadata import metadata_of
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split
from dermctl.inference import run_model
from dermctl.metrics.fitted import fit
from dermctl.models.restore import restore_classifier
from dermctl.progress import SILENT, Progress
from dermctl.runs import is_main_process


def calibrate(
    checkpoint: Path,
    val: Split,
    settings: LoaderSettings,
    device: str,
    progress: Progress = SILENT,
) -> None:
    """Fit a temperature and thresholds on ``val`` and store them in the checkpoint (rank 0 only).

    Every later evaluation applies them as they are; nothing is fitted on what is evaluated.

    Args:
        checkpoint: of a classifier.
        val: the validation split that the checkpoint was chosen on.
        settings: of the loader.
        device: where the model runs.
        progress: one unit an image.
    """
    if not is_main_process():
        return
    read = read_checkpoint(checkpoint)
    images = stored_images([val])
    logits = run_model(
        restore_classifier(read),
        evaluation_loader(
            images, transform_of(read.about), settings, metadata=metadata_of(read.about, val)
        ),
        read.about,
        device=device,
        images=len(images),
        what="temperature and thresholds",
        progress=progress,
    )
    fitted = fit(
        logits.double().numpy(),
        class_numbers(val, read.about.classes),
        read.about.classes,
        where=f"{val.folder.name}/{val.name}",
        manifest_sha256=val.sha256,
    )
    add_fitted(checkpoint, fitted)
    reason = f" ({fitted.temperature.reason})" if fitted.temperature.reason else ""
    progress.say(
        f"fitted on validation: temperature {fitted.temperature.value:.2f}{reason}, and "
        "thresholds for each class"
    )
