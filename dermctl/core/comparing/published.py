"""Published results, shown beside ours only where test images and classes are the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Published:
    """One row of a paper.

    Args:
        source: the paper.
        model: what was trained.
        dataset: name of the source.
        images: of the test set.
        classes: how many.
        metrics: name in ``metrics.json`` → value.
        note: what a reader must know.
    """

    source: str
    model: str
    dataset: str
    images: int
    classes: int
    metrics: Mapping[str, float]
    note: str = ""


PUBLISHED = (
    Published(
        "PanDerm",
        "ViT-L, linear probe",
        "ham10000",
        1_232,
        7,
        {"accuracy": 0.924, "balanced_accuracy": 0.797},
        "HAM10000 clean, 8,207/575/1,232",
    ),
    Published(
        "corrected-image-datasets",
        "VGG-16",
        "fitzpatrick",
        1_140,
        114,
        {"accuracy": 0.245},
        "Fitzpatrick17k-C; the best of 21.3 to 24.5 %",
    ),
    Published("DDI 2022", "ModelDerm", "ddi", 656, 2, {"auroc": 0.65}),
    Published("DDI 2022", "DeepDerm", "ddi", 656, 2, {"auroc": 0.56}),
    Published("DDI 2022", "HAM10000", "ddi", 656, 2, {"auroc": 0.67}),
)


def published_beside(document: Mapping[str, Any]) -> list[Published]:
    """The rows that are of the dataset, the number of test images and of classes of a result."""
    key = (document.get("dataset"), document.get("images"), len(document["class_names"]))
    return [row for row in PUBLISHED if (row.dataset, row.images, row.classes) == key]
