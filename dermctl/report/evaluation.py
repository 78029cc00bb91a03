"""The page that `evaluate` writes: every figure with its interval, and what stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dermctl.files import write_text
from dermctl.report import beside_tables as beside
from dermctl.report import evaluation_tables as tables
from dermctl.report import wording
from dermctl.report.checklist import checklist
from dermctl.report.evaluated import Embeddings, EvaluationReport, Explanations, Mistake
from dermctl.report.limitations import limitations
from dermctl.report.page import render
from dermctl.report.pictures import as_picture
from dermctl.report.plots import Plot
from dermctl.report.plots_confusion import MOST_NAMED, confusion_plots
from dermctl.report.plots_curves import (
    MOST_PANELS,
    precision_recall_plots,
    reliability_plot,
    roc_plots,
)
from dermctl.report.plots_decision import decision_plot, risk_coverage_plot
from dermctl.report.plots_embedding import embedding_plots
from dermctl.report.plots_forest import Line, forest_plot
from dermctl.report.subgroup_tables import METRICS, Audit, audit_view

__all__ = ["Embeddings", "EvaluationReport", "Explanations", "Mistake", "write_evaluation_report"]

_MOST_LINES = 24
"""With more classes than this the forest plot of classes is left out."""

_MOST_NAMED_FEW = 12
"""Up to this many classes with few images are named, not only counted."""


def write_evaluation_report(path: Path, evaluation: EvaluationReport) -> None:
    """Write the report of an evaluation as one self-contained HTML page.

    Raises:
        ValueError: for a mistake's picture or link that cannot be shown (`pictures.as_picture`).
    """
    metrics = evaluation.metrics
    class_rows = tables.class_rows(metrics)
    overall = {row.key: row for row in tables.overall_rows(metrics)}
    few = tables.few_images(metrics)
    page = render(
        "evaluation.html",
        report=evaluation,
        metrics=metrics,
        synthetic=evaluation.synthetic,
        about=_about(evaluation),
        headline=[overall[key] for key in wording.HEADLINE if key in overall],
        overall=list(overall.values()),
        resamples=tables.resamples(metrics),
        remarks=tables.overall_remarks(metrics),
        interval_notes=tables.interval_notes(metrics),
        class_columns=list(wording.PER_CLASS.values()),
        class_rows=class_rows,
        undefined=tables.undefined_notes(class_rows),
        few=few,
        few_named=len(few) <= _MOST_NAMED_FEW,
        few_images=tables.FEW_IMAGES,
        operating=tables.operating_rows(metrics),
        calibration=beside.calibration_rows(metrics),
        gap=beside.gap_rows(metrics),
        abstention=beside.abstention_rows(metrics),
        confusions=tables.frequent_confusions(metrics),
        plots=_plots(evaluation),
        many=len(evaluation.class_names) > min(MOST_NAMED, MOST_PANELS),
        audits=[_audit(evaluation, audit) for audit in evaluation.subgroups],
        pictures=[as_picture(mistake) for mistake in evaluation.mistakes],
        weighed=[as_picture(each) for each in evaluation.explained.images]
        if evaluation.explained
        else [],
        limitations=limitations(evaluation, few),
        checklist=checklist(evaluation),
    )
    write_text(path, page)


def _about(evaluation: EvaluationReport) -> list[tuple[str, str]]:
    """Name → value; what was not given is said to be so."""
    unstated = "not stated"
    return [
        ("Model", evaluation.checkpoint),
        ("Weights", evaluation.weights or unstated),
        ("Trained on", ", ".join(evaluation.trained_on) or unstated),
        ("Chosen by", evaluation.selection or unstated),
        ("Evaluated on", f"{evaluation.dataset}, {evaluation.split} split"),
        ("Leak check", evaluation.leak_check or unstated),
        *evaluation.facts.items(),
    ]


def _plots(evaluation: EvaluationReport) -> dict[str, list[Plot]]:
    names = list(evaluation.class_names)
    labels = np.asarray(evaluation.labels, dtype=np.int64)
    probabilities = np.asarray(evaluation.probabilities, dtype=np.float64)
    confusion = np.asarray(evaluation.metrics["confusion"], dtype=np.float64)
    return {
        "confusion": confusion_plots(confusion, names),
        "roc": roc_plots(labels, probabilities, names, _intervals(evaluation, "auroc")),
        "pr": precision_recall_plots(labels, probabilities, names, _intervals(evaluation, "auprc")),
        "calibration": _reliability(evaluation),
        "classes": _class_forests(evaluation),
        "decision": [decision_plot(labels, probabilities, names)] if len(names) == 2 else [],
        "abstention": [
            risk_coverage_plot(each) for each in [evaluation.metrics.get("abstention")] if each
        ],
        "embeddings": [
            plot
            for each in [evaluation.embeddings]
            if each is not None
            for plot in embedding_plots(each.points, labels, names)
        ],
    }


def _reliability(evaluation: EvaluationReport) -> list[Plot]:
    """As the model says it, and beside it after the temperature, where there is one."""
    if evaluation.calibrated is None:
        return [reliability_plot(evaluation.labels, evaluation.probabilities)]
    return [
        reliability_plot(evaluation.labels, evaluation.probabilities, "As the model says it"),
        reliability_plot(evaluation.labels, evaluation.calibrated, "After the temperature"),
    ]


def _intervals(evaluation: EvaluationReport, metric: str) -> list[Mapping[str, Any]]:
    per_class = evaluation.metrics["per_class"]
    return [per_class[name][metric] for name in evaluation.class_names]


def _class_forests(evaluation: EvaluationReport) -> list[Plot]:
    names = evaluation.class_names
    if len(names) > _MOST_LINES:
        return []
    plots = []
    for metric, overall in (("sensitivity", "balanced_accuracy"), ("auroc", "auroc")):
        own = evaluation.metrics["per_class"]
        lines = [Line(name, own[name].get(metric)) for name in names]
        words = wording.PER_CLASS[metric].title
        mean = evaluation.metrics["intervals"][overall]["value"]
        plots.append(forest_plot(lines, words, mean, f"{words} of each class"))
    return plots


def _audit(evaluation: EvaluationReport, audit: Mapping[str, Any]) -> tuple[Audit, list[Plot]]:
    view = audit_view(audit)
    plots = []
    for index, metric in enumerate(METRICS):
        words = wording.OVERALL[metric].title
        lines = [
            Line(f"{row.name} ({row.images:,})", row.intervals[index], solid=row.ranked)
            for row in view.rows
        ]
        overall = evaluation.metrics["intervals"][metric]["value"]
        plots.append(forest_plot(lines, words, overall, f"{words} by {view.heading}"))
    return view, plots
