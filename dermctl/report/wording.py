"""What metrics are called on a page, and what they mean in one line."""

from __future__ import annotations

from dataclasses import dataclass

from dermctl.metrics.calibration import CALIBRATION_BINS
from dermctl.metrics.headline import TOP_K

TOP_K_ACCURACY = f"top_{TOP_K}_accuracy"


@dataclass(frozen=True)
class Wording:
    """A metric's title and its definition, with the range where that is not 0 to 1."""

    title: str
    definition: str


OVERALL = {
    "balanced_accuracy": Wording(
        "Balanced accuracy", "mean sensitivity over the classes that have images"
    ),
    "auroc": Wording(
        "AUROC", "area under the ROC curve, each class against the rest, mean over classes"
    ),
    "auroc_weighted": Wording("AUROC, weighted", "the same, weighted by the images of each class"),
    "auprc": Wording(
        "AUPRC", "area under the precision-recall curve (average precision), mean over classes"
    ),
    "auprc_weighted": Wording("AUPRC, weighted", "the same, weighted by the images of each class"),
    "pauc": Wording(
        "Partial AUROC",
        "area under the ROC curve above a sensitivity of {min_tpr:g} (0 to {most:.2g}), mean "
        "over classes",
    ),
    "accuracy": Wording("Accuracy", "share of the images that are decided rightly"),
    "isic_balanced_accuracy": Wording(
        "Balanced accuracy, ISIC", "the same as balanced accuracy, but a tie counts as wrong"
    ),
    TOP_K_ACCURACY: Wording(
        f"Top-{TOP_K} accuracy", f"the truth is among the {TOP_K} most probable classes"
    ),
    "f1": Wording("F1", "harmonic mean of sensitivity and precision, mean over classes"),
    "ece": Wording(
        "Calibration error",
        f"expected calibration error over {CALIBRATION_BINS} bins; lower is better",
    ),
    "brier": Wording(
        "Brier score",
        "squared distance of the probabilities to the truth (0 to 2); lower is better",
    ),
}
"""Metrics of all classes together, in the order of the page."""

HEADLINE = ("balanced_accuracy", "auroc", "auprc", "ece")
"""Those shown large at the top."""

PER_CLASS = {
    "sensitivity": Wording("sensitivity", "share of the class’s images that are decided so"),
    "specificity": Wording("specificity", "share of the other images that are not"),
    "precision": Wording("precision", "share of the decisions for the class that are right"),
    "f1": Wording("F1", "harmonic mean of sensitivity and precision"),
    "auroc": Wording("AUROC", "area under the ROC curve, the class against the rest"),
    "auprc": Wording("AUPRC", "average precision, the class against the rest"),
}
"""Metrics of one class, in the order of the columns."""

DISPARITIES = {
    "pqd": Wording("Predictive quality disparity", "least over greatest accuracy; 1 is equal"),
    "dpm": Wording(
        "Demographic disparity",
        "least over greatest rate of decisions, mean over classes; 1 is equal",
    ),
    "eom": Wording(
        "Equality of opportunity", "least over greatest sensitivity, mean over classes; 1 is equal"
    ),
    "equalised_odds_difference": Wording(
        "Equalised odds difference",
        "greatest range of sensitivity or false-positive rate in any class; 0 is equal",
    ),
}
"""Disparities over subgroups."""

SKIN_TYPES = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI"}
"""Fitzpatrick skin types as they are written."""


def title(names: dict[str, Wording], key: str) -> str:
    """What ``key`` is called; one that is not known stays as it is."""
    return names[key].title if key in names else key


def definition(names: dict[str, Wording], key: str) -> str:
    """What ``key`` means; empty where it is not known."""
    return names[key].definition if key in names else ""
