"""What ``evaluate`` found, and the files that say it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl import __version__
from dermctl.core.evaluating.internal import Gap
from dermctl.core.evaluating.saved import METRICS_FILE, PREDICTIONS_FILE, PROBABILITY
from dermctl.core.evaluating.scoring import Figures
from dermctl.datasets.manifest import write_parquet
from dermctl.datasets.prepared import Split
from dermctl.files import write_json
from dermctl.inference import FloatArray
from dermctl.metrics.summary import Evaluation
from dermctl.report.metrics_schema import SCHEMA_ID
from dermctl.runs import now

REPORT_FILE = "report.html"
CARD_FILE = "MODEL_CARD.md"
_KEPT = (
    "image_id",
    "dataset",
    "label",
    "patient_id",
    "lesion_id",
    "group_id",
    "fitzpatrick",
    "sha256",
)
"""Columns of the manifest that the predictions keep."""
_SAID_OF_PREDICTIONS = frozenset(
    {"checkpoint", "dataset", "split", "synthetic", "leak_check", "leaked_images", "exposure"}
)


@dataclass(frozen=True)
class Evaluated:
    """What came of it.

    Args:
        checkpoint: of the model.
        dataset, split: that were evaluated.
        folder: of the results.
        classes: [C] in the order of the probabilities.
        figures: all metrics, calibration, subgroups, abstention.
        synthetic: whether any image, of training or of these, was drawn by code.
        leak_check: what is known of the overlap with training, in words.
        leaked: images that were seen in training, and let pass.
        exposure: whether it is known what the models have seen, and how many images that is.
        resampled: what the intervals resample: patients, lesions, images or groups.
        resampled_words: the same in full.
        models: hashes of the checkpoints, and how they were run.
        images: hashes of the manifest and of the images with their labels.
        not_calibrated: why no temperature and thresholds apply; empty where they do.
        gap: to the internal test; None: this is one, or there has been none.
        label: column or shared target that the classes come from.
        target: how the dataset's labels were mapped onto that target, in words; None: they are a
            column's.
        trained_on: dataset and split → SHA-256 of the manifest that was trained or selected on.
    """

    checkpoint: Path
    dataset: str
    split: str
    folder: Path
    classes: tuple[str, ...]
    figures: Figures
    synthetic: bool
    leak_check: str
    leaked: int
    resampled: str
    resampled_words: str
    models: dict[str, Any]
    images: dict[str, str]
    not_calibrated: str = ""
    gap: Gap | None = None
    label: str | None = None
    target: str | None = None
    trained_on: dict[str, str] = field(default_factory=dict)
    exposure: dict[str, Any] = field(default_factory=dict)

    @property
    def evaluation(self) -> Evaluation:
        """All metrics."""
        return self.figures.evaluation

    @property
    def metrics_file(self) -> Path:
        """All figures."""
        return self.folder / METRICS_FILE

    @property
    def predictions_file(self) -> Path:
        """One row an image."""
        return self.folder / PREDICTIONS_FILE

    @property
    def report_file(self) -> Path:
        """The page."""
        return self.folder / REPORT_FILE

    @property
    def card_file(self) -> Path:
        """The model card."""
        return self.folder / CARD_FILE

    def to_json(self) -> dict[str, Any]:
        """Plain values: what ``metrics.json`` holds, but for when it was written."""
        calibrated, abstention = self.figures.calibrated, self.figures.abstention
        return {
            "checkpoint": str(self.checkpoint),
            "dataset": self.dataset,
            "split": self.split,
            "folder": str(self.folder),
            "label": self.label,
            "target": self.target,
            "synthetic": self.synthetic,
            "leak_check": self.leak_check,
            "leaked_images": self.leaked,
            "exposure": dict(self.exposure),
            "trained_on": dict(self.trained_on),
            **self.models,
            **self.images,
            "resampled": self.resampled,
            "intervals_resample": self.resampled_words,
            **self.evaluation.to_json(),
            "calibration": None if calibrated is None else calibrated.to_json(),
            "not_calibrated": self.not_calibrated,
            "subgroups": [audit.to_json() for audit in self.figures.subgroups],
            "abstention": None if abstention is None else abstention.to_json(),
            "internal_test": None if self.gap is None else self.gap.to_json(),
        }


def write_metrics(result: Evaluated) -> None:
    """Write ``metrics.json``."""
    head = {
        "$schema": SCHEMA_ID,
        "dermctl": __version__,
        "evaluated_at": now(),
        "research_use_only": True,
    }
    write_json(result.metrics_file, {**head, **result.to_json()})


def write_predictions(result: Evaluated, rows: Split, predicted: FloatArray) -> None:
    """Write ``predictions.parquet``: a row an image, a probability a class, uncalibrated.

    What must not be parted from them stands in the schema's metadata, as JSON under ``dermctl``.
    """
    about = {key: value for key, value in result.to_json().items() if key in _SAID_OF_PREDICTIONS}
    metadata = {b"dermctl": json.dumps(about, ensure_ascii=False).encode()}
    table = rows.table.select(list(_KEPT)).replace_schema_metadata(metadata)
    classes = result.classes
    best = [classes[index] for index in predicted.argmax(1)]
    table = table.append_column("predicted", pa.array(best, pa.string()))
    for index, name in enumerate(classes):
        values = pa.array(predicted[:, index], pa.float64())
        table = table.append_column(f"{PROBABILITY}{name}", values)
    write_parquet(result.predictions_file, table)
