"""What the report of an evaluation is made of: plain values, filled by ``core.evaluate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Mistake:
    """One image with the decision on it: a mistake, or one whose map is shown.

    Args:
        image_id: the source's identifier.
        truth: its class.
        decision: the class that the model gave it.
        probability: the model's probability for that decision, 0..1.
        picture: JPEG, PNG or WebP bytes to embed; None: not shown.
        link: relative address of the picture where it is not embedded.
        blurred: whether the picture is blurred until it is clicked (clinical photographs).
    """

    image_id: str
    truth: str
    decision: str
    probability: float
    picture: bytes | None = None
    link: str | None = None
    blurred: bool = True


@dataclass(frozen=True)
class Explanations:
    """Maps of what the model weighed in single images.

    Args:
        method: how the maps were made, by name.
        images: each with its picture: the image, and beside it the map over it.
        averaged: whether decisions are averages over models or views, and maps are of one.
    """

    method: str
    images: Sequence[Mistake]
    averaged: bool = False


@dataclass(frozen=True)
class Embeddings:
    """The images in the plane.

    Args:
        points: [n, 2] on the first two principal components.
        shares: of the variance, for each of the two.
    """

    points: npt.NDArray[np.float64]
    shares: tuple[float, float]


@dataclass(frozen=True)
class EvaluationReport:
    """One evaluation. What is left empty is said to be missing; nothing is made up.

    Args:
        checkpoint: name of the model that was evaluated.
        dataset: name of the dataset.
        split: ``test``, ``val``, …
        class_names: [C].
        metrics: `dermctl.metrics.summary.Evaluation.to_json()`; where they are known with
            `calibration`, `not_calibrated`, `abstention`, `internal_test` as in ``metrics.json``.
        labels: [n] class indices.
        probabilities: [n, C].
        calibrated: [n, C] probabilities after the temperature; None: there is none that applies.
        embeddings: where each image lies; None: not shown.
        groups: what the intervals resample, in the plural ("patients", "groups (patients, …)").
        weights: where the weights come from (encoder, pretraining, run).
        trained_on: the datasets that the model was trained on; empty: not known.
        selection: how the checkpoint was chosen ("best balanced accuracy on validation").
        leak_check: what was compared, and what was found, or why nothing was.
        leak_checked: whether the comparison was made, image by image, and found nothing.
        synthetic: whether any image was drawn by code.
        facts: further name → value pairs to show (label column, image size, hashes, date).
        subgroups: one `dermctl.metrics.subgroup_results.SubgroupAudit.to_json()` a column.
        mistakes: the most confident mistakes, the most confident first.
        explained: maps of what the model weighed; None: none were asked for.
        notes: remarks on this evaluation.
        limitations: what the figures do not show, beyond what holds for every evaluation.
    """

    checkpoint: str
    dataset: str
    split: str
    class_names: Sequence[str]
    metrics: Mapping[str, Any]
    labels: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    calibrated: npt.NDArray[np.float64] | None = None
    embeddings: Embeddings | None = None
    groups: str = "images"
    weights: str = ""
    trained_on: Sequence[str] = ()
    selection: str = ""
    leak_check: str = ""
    leak_checked: bool = False
    synthetic: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    subgroups: Sequence[Mapping[str, Any]] = ()
    mistakes: Sequence[Mistake] = ()
    explained: Explanations | None = None
    notes: Sequence[str] = ()
    limitations: Sequence[str] = ()
