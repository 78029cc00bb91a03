"""From predictions to all figures: metrics, calibration, subgroups, abstention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dermctl.core.evaluating.models import Predicted
from dermctl.core.loading import IntArray
from dermctl.metrics.abstention import Abstention, risk_coverage
from dermctl.metrics.bootstrap import Interval
from dermctl.metrics.calibration import calibration_intervals
from dermctl.metrics.fitted import Fitted
from dermctl.metrics.subgroup_results import SubgroupAudit
from dermctl.metrics.subgroups import audit_subgroups
from dermctl.metrics.summary import Evaluation, evaluate_predictions
from dermctl.metrics.temperature import apply_temperature
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Calibrated:
    """What the temperature of the training dataset's validation split does on these images.

    Args:
        fitted: temperature and thresholds, as the checkpoint keeps them.
        after: calibration error and Brier score at that temperature.
    """

    fitted: Fitted
    after: dict[str, Interval]

    def to_json(self) -> dict[str, Any]:
        """Plain values; the thresholds stand under ``operating_points``."""
        plain = self.fitted.to_plain()
        return {
            "temperature": plain["temperature"]["value"],
            "reason": plain["temperature"]["reason"],
            "fitted_on": plain["where"],
            "fitted_on_images": plain["images"],
            "fitted_on_manifest_sha256": plain["manifest_sha256"],
            "after": {name: interval.to_json() for name, interval in self.after.items()},
        }


@dataclass(frozen=True)
class Figures:
    """All figures of one evaluation.

    Args:
        evaluation: the metrics.
        calibrated: None: there is no temperature that applies.
        subgroups: one audit a column.
        abstention: None: not asked for.
    """

    evaluation: Evaluation
    calibrated: Calibrated | None
    subgroups: tuple[SubgroupAudit, ...]
    abstention: Abstention | None


def score(
    truth: IntArray,
    predicted: Predicted,
    groups: Sequence[str],
    classes: Sequence[str],
    *,
    fitted: Fitted | None,
    columns: Mapping[str, Sequence[Any]],
    abstain: bool,
    min_tpr: float,
    resamples: int,
    permutations: int,
    seed: int,
    progress: Progress = SILENT,
) -> Figures:
    """Compute them, each with an interval that resamples groups.

    Args:
        truth: [n] class numbers.
        predicted: what the models make of the images.
        groups: [n] what must be resampled together.
        classes: [C].
        fitted: temperature and thresholds to apply; None: none applies.
        columns: column → value of each image, for the subgroups.
        abstain: whether to compute the risk-coverage curve.
        min_tpr: true-positive rate above which the partial area lies.
        resamples: bootstrap resamples.
        permutations: shuffles behind each disparity.
        seed: of both.
        progress: one unit a part.

    Raises:
        DataError: if the inputs do not fit one another.
    """
    values = predicted.probabilities
    with progress.task(f"intervals, {resamples:,} resamples", 2 + len(columns), "parts") as task:
        evaluation = evaluate_predictions(
            truth,
            values,
            groups,
            classes,
            thresholds=fitted.thresholds if fitted else None,
            min_tpr=min_tpr,
            resamples=resamples,
            seed=seed,
        )
        task.advance()
        audits = []
        for column, each in columns.items():
            audit = audit_subgroups(
                truth,
                values,
                each,
                groups,
                classes,
                column=column,
                min_tpr=min_tpr,
                resamples=resamples,
                permutations=permutations,
                seed=seed,
            )
            audits.append(audit)
            task.advance()
        calibrated = None
        if fitted is not None and predicted.logits is not None:
            tempered = apply_temperature(predicted.logits, fitted.temperature.value)
            after = calibration_intervals(truth, tempered, groups, resamples=resamples, seed=seed)
            calibrated = Calibrated(fitted, after)
        abstention = None
        if abstain:
            abstention = risk_coverage(truth, values, groups, resamples=resamples, seed=seed)
        task.advance()
    return Figures(evaluation, calibrated, tuple(audits), abstention)
