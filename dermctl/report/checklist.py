"""A short reporting checklist, filled as far as the values say.

After TRIPOD+AI (Collins et al., BMJ 2024;385:e078378) and CLEAR Derm (Daneshjou et al., JAMA
Dermatol 2022;158:90): the items of both that a report of figures can answer. What it cannot
know is named as left to the authors.
"""

from __future__ import annotations

from dataclasses import dataclass

from dermctl.report.evaluated import EvaluationReport
from dermctl.report.subgroup_tables import SECOND_RATER, SKIN_TONE, SKIN_TYPE, heading


@dataclass(frozen=True)
class Item:
    """One item: whether this page reports it, and what it says or leaves to the authors."""

    section: str
    name: str
    given: bool
    answer: str


_USE = (
    Item("Use", "Intended use", True, "research only; not a medical device"),
    Item("Use", "Limitations", True, "listed above"),
    Item("Use", "Ethics, consent, funding, interests", False, "left to the authors"),
)


def checklist(report: EvaluationReport) -> list[Item]:
    """The items in the order of a paper: data, model, assessment, use."""
    return [*_data(report), *_model(report), *_assessment(report), *_USE]


def _data(report: EvaluationReport) -> list[Item]:
    columns = [str(audit["column"]) for audit in report.subgroups]
    skin = sorted({SKIN_TYPE, SECOND_RATER, SKIN_TONE} & set(columns))
    metrics = report.metrics
    return [
        Item("Data", "Data set and split", True, f"{report.dataset}, {report.split}"),
        Item(
            "Data", "Number of images, and of what is independent", True,
            f"{metrics['images']:,} images, {metrics['clusters']:,} {report.groups}",
        ),
        Item("Data", "Outcome and its frequency", True, f"{len(report.class_names)} classes"),
        _if(
            "Data", "Skin type of the people", bool(skin),
            "Fitzpatrick skin type by subgroup, the unknown apart", "no audit by skin type",
        ),
        Item("Data", "How the truth was established", False, "left to the authors"),
        Item("Data", "Exclusions and missing data", False, "in the dataset’s report"),
    ]  # fmt: skip


def _model(report: EvaluationReport) -> list[Item]:
    return [
        _if("Model", "Source of the weights", bool(report.weights), report.weights),
        _if("Model", "Training data", bool(report.trained_on), ", ".join(report.trained_on)),
        _if("Model", "How the checkpoint was chosen", bool(report.selection), report.selection),
    ]


def _assessment(report: EvaluationReport) -> list[Item]:
    external = bool(report.trained_on) and report.dataset not in report.trained_on
    return [
        _if(
            "Assessment", "Checked that no image was seen in training", report.leak_checked,
            report.leak_check, report.leak_check or "not stated",
        ),
        Item(
            "Assessment", "Discrimination with intervals", True,
            f"95 % intervals, resampling {report.groups}",
        ),
        Item("Assessment", "Calibration", True, "calibration error and reliability diagram"),
        _if(
            "Assessment", "Recalibration on other images", report.calibrated is not None,
            "a temperature from validation", "no temperature",
        ),
        _if(
            "Assessment", "Clinical usefulness", len(report.class_names) == 2,
            "decision curve", "a decision curve needs two classes",
        ),
        _if(
            "Assessment", "Thresholds chosen on other images",
            bool(report.metrics["operating_points"]), "operating points, table",
            "no operating points",
        ),
        _if(
            "Assessment", "Figures by subgroup", bool(report.subgroups),
            ", ".join(heading(str(audit["column"])) for audit in report.subgroups),
            "no subgroup audit",
        ),
        _if(
            "Assessment", "Analysis of errors", bool(report.mistakes),
            f"the {len(report.mistakes)} most confident mistakes", "confusion matrix only",
        ),
        _if(
            "Assessment", "Evaluation on data from elsewhere", external,
            f"{report.dataset} is not among the training data",
            "training data not stated" if not report.trained_on else
            f"{report.dataset} is among the training data: its held-out images come from the same "
            "source",
        ),
    ]  # fmt: skip


def _if(section: str, name: str, given: bool, answer: str, otherwise: str = "not stated") -> Item:
    return Item(section, name, given, answer if given else otherwise)
