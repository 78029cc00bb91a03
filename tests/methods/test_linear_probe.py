"""The linear probe is scikit-learn's own pipeline, with C chosen on validation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dermctl.methods.linear_probe import COSTS, LinearProbe, fit_linear_probe
from tests.told import Told

Data = tuple[np.ndarray, np.ndarray]


def blobs(seed: int, n: int, classes: int, width: int = 12) -> Data:
    """Overlapping clouds of very different scales: as embeddings are. Class 0 is frequent."""
    centres = np.random.default_rng(7).normal(size=(classes, width))
    generator = np.random.default_rng(seed)
    labels = np.minimum(generator.geometric(0.5, n) - 1, classes - 1)
    labels[:classes] = np.arange(classes)
    scale = np.logspace(-3, 2, width)
    return (centres[labels] + 1.5 * generator.normal(size=(n, width))) * scale + 40, labels


def predicted(probe: LinearProbe, x: np.ndarray) -> np.ndarray:
    logits = x @ probe.weight.T + probe.bias
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def pipeline(cost: float, balanced: bool) -> object:
    regression = LogisticRegression(
        C=cost, class_weight="balanced" if balanced else None, max_iter=20_000, tol=1e-8
    )
    return make_pipeline(StandardScaler(), regression)


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("classes", [2, 4])
def test_probabilities_on_test_are_sklearns(classes: int, balanced: bool) -> None:
    (x, y), (val, val_y), (test, _) = (blobs(seed, 120, classes) for seed in (1, 2, 3))
    probe = fit_linear_probe(x, y, val, val_y, classes=classes, balanced=balanced)
    assert probe.weight.shape == (classes, x.shape[1])
    theirs = pipeline(probe.cost, balanced).fit(x, y).predict_proba(test)  # type: ignore[attr-defined]
    assert np.abs(predicted(probe, test) - theirs).max() < 1e-3


@pytest.mark.parametrize("monitor", ["balanced_accuracy", "acc", "auc", "loss"])
def test_the_cost_is_the_one_that_is_best_on_validation(monitor: str) -> None:
    (x, y), (val, val_y) = (blobs(seed, 80, 3) for seed in (1, 2))
    costs = (1e-4, 1e-2, 1.0, 100.0)
    probe = fit_linear_probe(x, y, val, val_y, classes=3, monitor=monitor, costs=costs)
    wanted = {}
    for cost in costs:
        given = pipeline(cost, balanced=True).fit(x, y).predict_proba(val)  # type: ignore[attr-defined]
        wanted[cost] = {
            "balanced_accuracy": balanced_accuracy_score(val_y, given.argmax(1)),
            "acc": accuracy_score(val_y, given.argmax(1)),
            "auc": roc_auc_score(val_y, given, multi_class="ovr"),
            "loss": log_loss(val_y, given),
        }
    assert [cost for cost, _ in probe.scores] == list(costs)
    for cost, scores in probe.scores:
        assert scores == pytest.approx(wanted[cost], abs=2e-3)
    sign = -1 if monitor == "loss" else 1
    best = max(sign * scores[monitor] for _, scores in probe.scores)
    first = next(cost for cost, scores in probe.scores if sign * scores[monitor] == best)
    assert probe.cost == first, "of equal ones, the stronger penalty"


def test_the_embeddings_as_they_are_need_no_scaling() -> None:
    (x, y), (val, val_y) = (blobs(seed, 80, 2) for seed in (1, 2))
    probe = fit_linear_probe(x, y, val, val_y, classes=2)
    assert dict(probe.scores)[probe.cost]["acc"] == pytest.approx(
        accuracy_score(val_y, predicted(probe, val).argmax(1))
    )


def test_constant_features_change_nothing() -> None:
    (x, y), (val, val_y) = (blobs(seed, 80, 3) for seed in (1, 2))
    plain = fit_linear_probe(x, y, val, val_y, classes=3)
    n, m = len(x), len(val)
    added = [np.zeros(n), np.full(n, 1e3), np.full(n, 0.1)]  # 0.1: its mean is not exactly 0.1
    more = np.column_stack([x, *added])
    more_val = np.column_stack([val, np.ones(m), np.zeros(m), np.full(m, 5.0)])
    probe = fit_linear_probe(more, y, more_val, val_y, classes=3)
    assert np.isfinite(probe.weight).all()
    assert np.isfinite(probe.bias).all()
    assert np.abs(probe.weight[:, -3:]).max() == 0
    assert probe.cost == plain.cost
    assert np.abs(predicted(probe, more_val) - predicted(plain, val)).max() < 1e-6


def test_embeddings_that_are_all_alike() -> None:
    x, y = np.ones((6, 3)), np.array([0, 0, 0, 1, 1, 1])
    probe = fit_linear_probe(x, y, x, y, classes=2)
    assert predicted(probe, x) == pytest.approx(np.full((6, 2), 0.5))


def test_each_class_needs_an_image() -> None:
    x, y = blobs(1, 30, 3)
    with pytest.raises(ValueError, match="every class"):
        fit_linear_probe(x[y < 2], y[y < 2], x, y, classes=3)


def test_costs_ascend() -> None:
    assert list(COSTS) == sorted(COSTS)
    assert COSTS[0] == pytest.approx(1e-4)
    assert COSTS[-1] == pytest.approx(1e2)


def test_costs_that_are_not_solved_exactly_are_named_in_a_line(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr("dermctl.methods.linear_probe._MAX_ITERATIONS", 3)
    (x, y), (val, val_y) = (blobs(seed, 80, 3) for seed in (1, 2))
    told = Told()
    fit_linear_probe(x, y, val, val_y, classes=3, costs=(1.0, 100.0), progress=told)
    assert told.said == [
        "warning: the linear probe was not yet exact after 3 iterations for C = 1, 100"
    ]
    assert not recwarn.list
