"""The model or models that are evaluated, and what they make of every image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dermctl.checkpoint import Checkpoint
from dermctl.core.inputs import warn_of_enlarging
from dermctl.core.loading import LoaderSettings, evaluation_loader, stored_images
from dermctl.core.metadata import metadata_of
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split
from dermctl.errors import CheckpointError
from dermctl.inference import FloatArray, run_model
from dermctl.metrics.temperature import apply_temperature
from dermctl.models.restore import restore_classifier
from dermctl.models.scoring import Scoring
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True, eq=False)
class Predicted:
    """What the models make of n images.

    Args:
        probabilities: [n, C]; of several models, the mean of theirs.
        logits: [n, C] of the single model; None for several models or views, which have none.
        embeddings: [n, D] of the first model.
    """

    probabilities: FloatArray
    logits: FloatArray | None
    embeddings: FloatArray


def check_members(members: Sequence[Checkpoint]) -> None:
    """All must have a classifier, and tell the same classes apart.

    Raises:
        CheckpointError: naming the first that does not.
    """
    classes = members[0].about.classes
    for each in members:
        if not each.about.classes:
            raise CheckpointError(
                "this checkpoint has an encoder and no classifier",
                where=each.path,
                hint=f"Fine-tune it with: dermctl finetune --from {each.path}",
            )
        if set(each.about.classes) != set(classes):
            raise CheckpointError(
                f"its classes ({', '.join(each.about.classes[:8])}) are not those of "
                f"{members[0].path.name} ({', '.join(classes[:8])})",
                where=each.path,
                hint="Put models of the same classes together",
            )


def predict(
    members: Sequence[Checkpoint],
    rows: Split,
    settings: LoaderSettings,
    *,
    device: str,
    tta: bool = False,
    progress: Progress = SILENT,
) -> Predicted:
    """Run one model, or several and average their probabilities.

    Args:
        members: checkpoints with the same classes; the order of the first one's counts.
        rows: the images.
        settings: of the loaders.
        device: where the models run.
        tta: average each model's probabilities over the 8 orientations of an image.
        progress: one unit an image and model.

    Raises:
        CheckpointError: a model has no classifier, or gives no number for an image.
    """
    classes = members[0].about.classes
    outputs = [_run(each, rows, settings, device, tta, progress) for each in members]
    columns = [[each.about.classes.index(name) for name in classes] for each in members]
    logits = [
        output[:, -len(classes) :][:, order] for output, order in zip(outputs, columns, strict=True)
    ]
    single = len(members) == 1 and not tta
    return Predicted(
        probabilities=np.mean([apply_temperature(each, 1.0) for each in logits], axis=0),
        logits=logits[0] if single else None,
        embeddings=outputs[0][:, : -len(classes)],
    )


def _run(
    checkpoint: Checkpoint,
    rows: Split,
    settings: LoaderSettings,
    device: str,
    tta: bool,
    progress: Progress,
) -> FloatArray:
    warn_of_enlarging(checkpoint.about.image_size, [rows], progress)
    images = stored_images([rows])
    outputs = run_model(
        Scoring(restore_classifier(checkpoint), tta=tta),
        evaluation_loader(
            images,
            transform_of(checkpoint.about),
            settings,
            metadata=metadata_of(checkpoint.about, rows),
        ),
        checkpoint.about,
        device=device,
        images=len(images),
        what=f"predict {rows.folder.name}/{rows.name}",
        progress=progress,
    )
    values: FloatArray = outputs.double().numpy()
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise CheckpointError(
            f"the model gives no number for {int(bad.sum()):,} of {len(rows):,} images, first "
            f"{rows.column('image_id')[int(bad.argmax())]}",
            where=checkpoint.path,
            hint="Its training diverged: train again with a smaller --lr",
        )
    return values
