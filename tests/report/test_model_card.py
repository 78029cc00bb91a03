"""The model card: what the Hub reads, and what a reader must know."""

from __future__ import annotations

import pytest
import yaml

from dermctl.report import wording
from dermctl.report.metrics_schema import SCHEMA_ID, metrics_schema
from dermctl.report.model_card import model_card
from tests.report.test_evaluation import HAM, audit, made_up


def front_matter(card):
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("---\n")[1])


def test_front_matter_names_the_figures_of_the_report():
    report = made_up(HAM, 200, trained_on=["ham10000"])
    front = front_matter(model_card(report))
    assert front["datasets"] == ["ham10000"]
    [result] = front["model-index"][0]["results"]
    assert result["dataset"] == {"name": "ham10000", "type": "ham10000", "split": "test"}
    found = {each["type"]: each["value"] for each in result["metrics"]}
    assert found.keys() == set(wording.OVERALL)
    for name, value in found.items():
        assert value == pytest.approx(report.metrics[name], abs=1e-6)


def test_undefined_figures_are_left_out_of_the_front_matter():
    front = front_matter(model_card(made_up(["a", "b"], 20, absent=(1,))))
    names = [each["type"] for each in front["model-index"][0]["results"][0]["metrics"]]
    assert "auroc" not in names
    assert "accuracy" in names


def test_it_says_use_training_leaks_subgroups_and_limitations():
    card = model_card(
        made_up(HAM, 300, leak_check="passed: nothing seen", subgroups=[audit(HAM, 300)])
    )
    for heading in ("Intended use", "Training data and leak check", "Evaluation", "Subgroups",
                    "Limitations"):  # fmt: skip
        assert f"## {heading}\n" in card
    assert "**Leak check**: passed: nothing seen" in card
    assert "Research use only" in card
    assert "### By Fitzpatrick skin type" in card
    assert "| unknown |" in card
    assert "Predictive quality disparity" in card


def test_names_cannot_break_tables_or_add_markup():
    hostile = "a|b <script>\n# x"
    card = model_card(made_up([hostile, "b", "c"], 60))
    body = card.split("---\n", 2)[2]
    assert "<script>" not in body.replace("\\<script\\>", "")
    assert "\n# x" not in body
    assert "a\\|b" in body
    assert front_matter(card)["model-index"]


def test_synthetic_models_say_so():
    card = model_card(made_up(["a", "b"], 40, synthetic=True))
    assert "synthetic" in front_matter(card)["tags"]
    assert "These figures say nothing about patients." in card


def test_the_schema_is_a_schema_and_names_itself():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(metrics_schema())
    assert metrics_schema()["$id"] == SCHEMA_ID
    overall = metrics_schema()["$defs"]["overall_intervals"]["required"]
    assert set(overall) == set(wording.OVERALL)
