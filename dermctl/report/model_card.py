"""``MODEL_CARD.md``: the evaluated model in the format of the Hugging Face Hub.

YAML front matter as the Hub reads it (https://huggingface.co/docs/hub/model-cards), then what a
reader must know before anything is done with the model (Mitchell et al. 2019,
https://arxiv.org/abs/1810.03993). All values are those of the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from dermctl.report import wording
from dermctl.report.evaluated import EvaluationReport
from dermctl.report.evaluation_tables import Cell, class_rows, few_images, overall_rows
from dermctl.report.limitations import limitations
from dermctl.report.page import RESEARCH_USE, SYNTHETIC
from dermctl.report.subgroup_tables import audit_view

LIBRARY = "dermctl"
_TAGS = ("image-classification", "dermatology", "medical-imaging", "research-use-only")


def model_card(report: EvaluationReport) -> str:
    """The card as Markdown with its front matter.

    Args:
        report: the evaluation, as the page shows it.
    """
    front = yaml.safe_dump(_front_matter(report), sort_keys=False, allow_unicode=True)
    parts = [
        f"---\n{front}---\n",
        f"# {report.checkpoint}\n",
        f"**{RESEARCH_USE}**" + (f" {SYNTHETIC.capitalize()}." if report.synthetic else "") + "\n",
        _intended_use(report),
        _training(report),
        _evaluation(report),
        _subgroups(report),
        _limitations(report),
    ]
    return "\n".join(parts)


def _front_matter(report: EvaluationReport) -> dict[str, Any]:
    figures = [
        {"type": row.key, "name": row.title, "value": round(report.metrics[row.key], 6)}
        for row in overall_rows(report.metrics)
        if report.metrics[row.key] is not None
    ]
    return {
        "license": "other",
        "license_name": "as-the-training-data-allow",
        "library_name": LIBRARY,
        "pipeline_tag": "image-classification",
        "tags": [*_TAGS, *(["synthetic"] if report.synthetic else [])],
        "datasets": list(report.trained_on),
        "metrics": [figure["type"] for figure in figures],
        "model-index": [
            {
                "name": report.checkpoint,
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {
                            "name": report.dataset,
                            "type": report.dataset,
                            "split": report.split,
                        },
                        "metrics": figures,
                    }
                ],
            }
        ],
    }


def _intended_use(report: EvaluationReport) -> str:
    classes = ", ".join(_escape(name) for name in report.class_names)
    return (
        "## Intended use\n\n"
        "Research on methods: comparing trainings, studying errors and subgroups. The model tells "
        f"{len(report.class_names)} classes of skin images apart: {classes}.\n\n"
        "Not for diagnosis, triage or any decision about a person, and not for images unlike those "
        "that it was trained on.\n"
    )


def _training(report: EvaluationReport) -> str:
    facts = {
        "Weights": report.weights or "not stated",
        "Trained on": ", ".join(report.trained_on) or "not stated",
        "Chosen by": report.selection or "not stated",
        "Leak check": report.leak_check or "not stated",
        **report.facts,
    }
    lines = [f"- **{_escape(name)}**: {_escape(value)}" for name, value in facts.items()]
    return "## Training data and leak check\n\n" + "\n".join(lines) + "\n"


def _evaluation(report: EvaluationReport) -> str:
    metrics = report.metrics
    overall = [
        (row.title, row.cell.value, row.cell.bounds or "–", row.definition)
        for row in overall_rows(metrics)
    ]
    classes = [
        (_escape(row.name), f"{row.images:,}", *map(_written, row.cells))
        for row in class_rows(metrics)
    ]
    heads = [words.title for words in wording.PER_CLASS.values()]
    return (
        "## Evaluation\n\n"
        f"{metrics['images']:,} images of {report.dataset}, {report.split} split. 95 % intervals "
        f"from a bootstrap over {metrics['clusters']:,} {report.groups}.\n\n"
        + _table(("metric", "value", "95 % interval", "meaning"), overall)
        + "\n"
        + _table(("class", "images", *heads), classes)
    )


def _subgroups(report: EvaluationReport) -> str:
    if not report.subgroups:
        return (
            "## Subgroups\n\nNo subgroup was audited: these figures do not say whether the model "
            "serves all skin types, ages and sexes alike.\n"
        )
    parts = ["## Subgroups\n"]
    for audit in map(audit_view, report.subgroups):
        rows = [
            (
                _escape(row.name),
                f"{row.images:,}",
                *map(_written, row.cells),
                "not compared" if row.gap is None else _written(row.gap),
            )
            for row in audit.rows
        ]
        heads = (_escape(audit.heading), "images", "balanced accuracy", "AUROC", "gap to the best")
        parts.append(f"### By {_escape(audit.heading)}\n\n{_table(heads, rows)}")
        chance = [
            (row.title, row.value, row.shuffled, row.p_value, row.definition)
            for row in audit.disparities
        ]
        if chance:
            parts.append(_table(("disparity", "value", "by chance (95 %)", "p", "meaning"), chance))
    return "\n".join(parts)


def _limitations(report: EvaluationReport) -> str:
    lines = limitations(report, few_images(report.metrics))
    return "## Limitations\n\n" + "\n".join(f"- {_escape(line)}" for line in lines) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _written(cell: Cell) -> str:
    return f"{cell.value} ({cell.bounds})" if cell.bounds else cell.value


def _escape(text: str) -> str:
    """Text that Markdown leaves as it is, on one line."""
    flat = " ".join(text.split())
    for character in "\\`*_[]<>|#":
        flat = flat.replace(character, f"\\{character}")
    return flat
