"""The metrics that a terminal shows of an evaluation, and what it calls them."""

from __future__ import annotations

HEADLINE = {
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC (macro)",
    "auprc": "AUPRC (macro)",
    "accuracy": "accuracy",
    "ece": "calibration error",
    "brier": "Brier score",
}
"""Name in ``metrics.json`` -> title, in the order shown."""
