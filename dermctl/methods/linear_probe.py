"""The linear probe: embeddings once, then multinomial logistic regression, C chosen on validation.

Exact (a convex problem solved to convergence) and fast, where training a layer by SGD is neither.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dermctl.methods.supervised import validation_scores
from dermctl.progress import SILENT, Progress

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Inverse strengths of the L2 penalty on standardised embeddings, weakest last.
COSTS = tuple(float(10.0**power) for power in np.arange(-4, 2.01, 0.5))
_MAX_ITERATIONS = 2_000


@dataclass(frozen=True)
class LinearProbe:
    """A fitted probe.

    Args:
        weight: [C, D] on the embeddings as they are (standardisation is folded in).
        bias: [C].
        cost: the chosen inverse penalty, C.
        scores: for each cost tried, what ``validation_scores`` gives, and ``loss``.
    """

    weight: FloatArray
    bias: FloatArray
    cost: float
    scores: tuple[tuple[float, dict[str, float]], ...]


def fit_linear_probe(
    train: FloatArray,
    train_labels: IntArray,
    val: FloatArray,
    val_labels: IntArray,
    *,
    classes: int,
    monitor: str = "balanced_accuracy",
    balanced: bool = True,
    costs: Sequence[float] = COSTS,
    progress: Progress = SILENT,
) -> LinearProbe:
    """Fit one probe a cost on train and keep the one that is best on validation.

    Args:
        train: [n, D] embeddings.
        train_labels: [n] class numbers, each of 0..classes-1 at least once.
        val: [m, D] embeddings.
        val_labels: [m].
        classes: C.
        monitor: key of ``LinearProbe.scores``; ties go to the stronger penalty.
        balanced: weigh classes by inverse frequency.
        costs: inverse penalties to try, ascending.
        progress: one unit a cost; costs whose solution is not exact yet are named.

    Raises:
        ValueError: a class has no training image.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(train_labels)) != classes:
        raise ValueError("every class needs a training image")
    mean, scale = train.mean(0), train.std(0)
    scale = np.where(scale > 1e-8 * max(1e-30, float(scale.max())), scale, np.inf)
    standard, standard_val = (train - mean) / scale, (val - mean) / scale
    # One model that goes on from the last, weaker penalty by weaker penalty: a warm start.
    model = LogisticRegression(
        class_weight="balanced" if balanced else None,
        max_iter=_MAX_ITERATIONS,
        tol=1e-5,
        warm_start=True,
    )
    tried: list[tuple[float, dict[str, float], FloatArray, FloatArray]] = []
    unsettled: list[float] = []
    with progress.task("fit the linear probe", len(costs), unit="fits") as task:
        for cost in costs:
            model.set_params(C=cost)
            with warnings.catch_warnings():  # said below, once for all
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(standard, train_labels)
            unsettled += [cost] if model.n_iter_.max() >= _MAX_ITERATIONS else []
            scores = probe_scores(
                val_labels, np.asarray(model.predict_proba(standard_val), np.float64)
            )
            weight, bias = _two_rows(model.coef_, model.intercept_)
            tried.append((cost, scores, weight, bias))
            task.advance()
            task.update(note=f"C {cost:.0e}, {monitor} {scores[monitor]:.3f}")
    if unsettled:
        progress.say(
            f"warning: the linear probe was not yet exact after {_MAX_ITERATIONS:,} iterations for "
            f"C = {', '.join(f'{cost:g}' for cost in unsettled)}"
        )
    sign = -1 if monitor == "loss" else 1
    cost, _, weight, bias = max(tried, key=lambda entry: (sign * entry[1][monitor], -entry[0]))
    folded = weight / scale
    return LinearProbe(
        weight=folded,
        bias=bias - folded @ mean,
        cost=cost,
        scores=tuple((cost, scores) for cost, scores, _, _ in tried),
    )


def probe_scores(labels: IntArray, probabilities: FloatArray) -> dict[str, float]:
    """``validation_scores``, and ``loss``: the mean cross-entropy, all images alike."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    loss = float(-np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean())
    return {**validation_scores(labels, probabilities), "loss": loss}


def _two_rows(weight: FloatArray, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two classes as two logits: scikit-learn keeps the one that stands for their difference."""
    if len(weight) > 1:
        return weight, bias
    return np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
