"""The page that `evaluate` writes."""

from __future__ import annotations

from pathlib import Path

from dermctl.files import write_text
from dermctl.report.evaluated import EvaluationReport, Mistake
from dermctl.report.page import render

__all__ = ["EvaluationReport", "Mistake", "write_evaluation_report"]


def write_evaluation_report(path: Path, evaluation: EvaluationReport) -> None:
    """Write the report of an evaluation as one self-contained HTML page."""
    write_text(path, render("evaluation.html", report=evaluation, synthetic=evaluation.synthetic))
