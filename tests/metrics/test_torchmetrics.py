"""Metrics against torchmetrics; apart from the others because importing it takes long."""

from __future__ import annotations

import pytest

from dermctl.metrics import scores
from tests.metrics.helpers import make_predictions

torch = pytest.importorskip("torch")
functional = pytest.importorskip("torchmetrics.functional.classification")


@pytest.mark.parametrize("bins", [5, 15])
def test_calibration_error(bins):
    labels, probabilities = make_predictions(500, 4)
    expected = functional.multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(labels), num_classes=4, n_bins=bins, norm="l1"
    )
    assert scores.ece(labels, probabilities, bins).value == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_k_accuracy(k):
    labels, probabilities = make_predictions(300, 6, seed=3)
    expected = functional.multiclass_accuracy(
        torch.tensor(probabilities), torch.tensor(labels), num_classes=6, top_k=k, average="micro"
    )
    ours = scores.top_k_accuracy(labels, probabilities, k).value
    assert ours == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (scores.auroc, functional.multiclass_auroc),
        (scores.auprc, functional.multiclass_average_precision),
        (scores.f1, functional.multiclass_f1_score),
        (scores.specificity, functional.multiclass_specificity),
    ],
    ids=["auroc", "auprc", "f1", "specificity"],
)
def test_per_class_metrics(ours, theirs):
    labels, probabilities = make_predictions(400, 5, levels=6)
    expected = theirs(
        torch.tensor(probabilities), torch.tensor(labels), num_classes=5, average="none"
    )
    assert ours(labels, probabilities).per_class.tolist() == pytest.approx(
        expected.tolist(), abs=1e-5
    )
