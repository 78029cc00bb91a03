"""What the figures of an evaluation do not show: said on the page and in the model card alike."""

from __future__ import annotations

from collections.abc import Sequence

from dermctl.report.evaluated import EvaluationReport
from dermctl.report.evaluation_tables import FEW_IMAGES


def limitations(report: EvaluationReport, few: Sequence[tuple[str, int]]) -> list[str]:
    """Sentences, the gravest first.

    Args:
        report: the evaluation.
        few: the classes with few images, with their number.
    """
    lines = []
    if report.synthetic:
        lines.append("The images are drawn by code. These figures say nothing about patients.")
    if not report.leak_checked:
        lines.append("It is not certain that the model has seen none of these images.")
    if report.trained_on and report.dataset not in report.trained_on:
        lines.append(
            "An external test: classes that are mapped onto one another from different sources "
            "need not be defined alike."
        )
    else:
        lines.append(
            "One split of one data set: figures on other cameras, clinics and populations can "
            "differ, and usually are lower."
        )
    lines += [
        f"The intervals show what another sample of {report.groups} would change, not what another "
        "training would.",
        "Labels are taken as true. Errors among them weigh on every figure.",
    ]
    if few:
        lines.append(
            f"{len(few)} of {len(report.class_names)} classes have fewer than {FEW_IMAGES} images "
            "here."
        )
    return [*lines, *report.limitations]
