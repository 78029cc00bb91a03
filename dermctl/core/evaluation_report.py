"""What ``evaluate`` shows on its page: the evaluation as plain values, with its worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dermctl.checkpoint import Checkpoint
from dermctl.core.loading import IntArray
from dermctl.datasets.prepared import Split
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.inference import FloatArray
from dermctl.metrics.summary import Evaluation
from dermctl.report.evaluation import EvaluationReport, Mistake

MISTAKES = 12
"""Pictures of mistakes on the page."""
REDISTRIBUTABLE = frozenset({"cc-0", "cc-by", "cc-by-sa", "cc-by-nc", "cc-by-nc-sa"})
"""Licences under which a picture may be embedded in a page that is passed on."""
INTERVALS_RESAMPLE = "groups (patients, lesions and identical images)"
SELECTION = "the best balanced accuracy on validation, unless the run's config.yaml says otherwise"


def evaluation_report(
    evaluation: Evaluation,
    rows: Split,
    truth: IntArray,
    predicted: FloatArray,
    checkpoint: Checkpoint,
    *,
    leak_check: str,
    leak_checked: bool,
) -> EvaluationReport:
    """Fill the page's values.

    Args:
        evaluation: the metrics.
        rows: the split that was evaluated.
        truth: [n] class numbers.
        predicted: [n, C] probabilities.
        checkpoint: the model.
        leak_check: what is known of the images that it has seen.
        leak_checked: whether all are known, and none is evaluated.
    """
    about = checkpoint.about
    synthetic = bool(rows.description["synthetic"]) or about.synthetic
    return EvaluationReport(
        checkpoint=f"{checkpoint.path.parent.parent.name}/{checkpoint.path.name}",
        dataset=rows.folder.name,
        split=rows.name,
        class_names=about.classes,
        metrics=evaluation.to_json(),
        labels=truth,
        probabilities=predicted,
        groups=INTERVALS_RESAMPLE,
        weights=f"{about.encoder}, {about.image_size} px",
        trained_on=about.datasets,
        selection=SELECTION,
        leak_check=leak_check,
        leak_checked=leak_checked,
        synthetic=synthetic,
        facts={
            "Label": about.label or "–",
            "Manifest (SHA-256)": rows.sha256,
            "Split recipe": ", ".join(
                f"{key} {value}"
                for key, value in rows.description["split"].items()
                if not isinstance(value, list)
            ),
            "Licence of the images": str(rows.description["license"]),
        },
        mistakes=worst_mistakes(rows, truth, predicted, about.classes, embed_all=synthetic),
    )


def worst_mistakes(
    rows: Split,
    truth: IntArray,
    predicted: FloatArray,
    classes: Sequence[str],
    *,
    embed_all: bool,
) -> list[Mistake]:
    """The mistakes that the model was surest of; a picture only where its licence lets it go on."""
    decided = predicted.argmax(1)
    sure = predicted[np.arange(len(truth)), decided]
    wrong = np.flatnonzero(decided != truth)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]
    store = Store(rows.folder / STORE_FOLDER)
    columns = {
        name: rows.column(name) for name in ("image_id", "license", "modality", "shard", "row")
    }
    return [
        Mistake(
            image_id=columns["image_id"][index],
            truth=classes[truth[index]],
            decision=classes[decided[index]],
            probability=float(sure[index]),
            picture=bytes(store.read(columns["shard"][index], columns["row"][index]))
            if embed_all or columns["license"][index] in REDISTRIBUTABLE
            else None,
            blurred=columns["modality"][index] != "dermoscopic" and not embed_all,
        )
        for index in worst.tolist()
    ]
