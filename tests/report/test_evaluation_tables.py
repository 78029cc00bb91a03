from __future__ import annotations

import pytest

from dermctl.report.evaluation_tables import (
    Cell,
    cell,
    class_rows,
    few_images,
    interval_notes,
    overall_remarks,
    overall_rows,
    undefined_notes,
)
from dermctl.report.subgroup_tables import audit_view


def interval(value=0.8, low=0.7, high=0.9, undefined=0, partial=0):
    return {
        "value": value, "low": low, "high": high, "undefined_resamples": undefined,
        "resamples": 2000, "partial_resamples": partial,
    }  # fmt: skip


def metrics(intervals, names=("a", "b", "c", "d"), **changes):
    return {
        "class_names": list(names), "support": [40] * len(names), "intervals": intervals,
        "undefined": {}, "operating_points": {}, **changes,
    }  # fmt: skip


def test_a_cell_without_a_value_has_a_reason():
    assert cell(interval()) == Cell("0.800", "0.700–0.900")
    assert cell(interval(low=None, high=None)) == Cell("0.800")
    assert cell(interval(value=None), "no images") == Cell("–", reason="no images")
    assert cell(None) == Cell("–", reason="undefined")


def test_a_metric_that_has_no_wording_is_shown_as_it_is():
    rows = overall_rows(metrics({"novel": interval(), "auroc": interval()}))
    assert [(row.key, row.title) for row in rows] == [("auroc", "AUROC"), ("novel", "novel")]


def test_top_k_accuracy_is_left_out_where_it_is_always_one():
    found = {"accuracy": interval(), "top_3_accuracy": interval(1.0, 1.0, 1.0)}
    assert len(overall_rows(metrics(found))) == 2
    assert [row.key for row in overall_rows(metrics(found, names=("a", "b", "c")))] == ["accuracy"]


def test_one_remark_serves_all_metrics_that_it_holds_for():
    remark = "averaged without d"
    found = metrics(
        {"auroc": interval(), "auprc": interval(), "ece": interval()},
        undefined={"auroc": remark, "auprc": remark},
    )
    assert overall_remarks(found) == [("a", remark)]
    assert {row.key: row.mark for row in overall_rows(found)} == {
        "auroc": "a", "auprc": "a", "ece": "",
    }  # fmt: skip


def test_resamples_that_lack_something_are_counted_once_for_all_metrics():
    notes = interval_notes(
        metrics(
            {
                "auroc": interval(partial=72),
                "auprc": interval(partial=72),
                "f1": interval(undefined=3),
                "ece": interval(),
            }
        )
    )
    assert notes == [
        "AUROC, AUPRC: 72 of 2,000 resamples lack a class and average over the others.",
        "F1: 3 of 2,000 resamples have no value.",
    ]


@pytest.mark.parametrize(("value", "outside"), [(0.69, True), (0.7, False), (0.91, True)])
def test_a_value_outside_its_own_interval_is_pointed_out(value, outside):
    notes = interval_notes(metrics({"auprc": interval(value=value)}))
    assert any("outside its own interval" in note for note in notes) == outside


def test_undefined_figures_of_classes_are_named_by_reason():
    own = {key: interval() for key in ("sensitivity", "specificity", "precision", "f1", "auroc")}
    lacking = own | {"sensitivity": interval(value=None), "auroc": interval(value=None)}
    found = metrics(
        {},
        names=("a", "b", "c"),
        per_class={"a": own, "b": lacking, "c": lacking},
        undefined={
            f"{metric}/{name}": "no images of this class"
            for metric in ("sensitivity", "auroc_per_class")
            for name in "bc"
        },
    )
    for own_metrics in found["per_class"].values():
        own_metrics["auprc"] = interval()
    assert undefined_notes(class_rows(found)) == [
        "– no images of this class (sensitivity, AUROC): b, c."
    ]


def test_classes_with_few_images_are_named_with_their_number():
    found = metrics({}, names=("a", "b", "c"), support=[30, 29, 0])
    assert few_images(found) == [("b", 29), ("c", 0)]


def test_a_gap_between_unlike_classes_is_marked():
    def subgroup(name, gap):
        return {
            "name": name, "images": 50, "clusters": 40, "ranked": True, "undefined": {},
            "intervals": {"balanced_accuracy": interval(), "auroc": interval()},
            "gaps": {"balanced_accuracy": gap},
        }  # fmt: skip

    best = {"best": "1", **interval(0.0, 0.0, 0.0), "classes_differ": []}
    unlike = {"best": "1", **interval(0.1, 0.0, 0.2), "classes_differ": ["VASC"]}
    view = audit_view(
        {
            "column": "fitzpatrick", "min_images": 30, "unknown": None, "disparities": {},
            "subgroups": [subgroup("1", best), subgroup("6", unlike)],
        }
    )  # fmt: skip
    assert [(row.name, row.gap) for row in view.rows] == [
        ("I", Cell("best")), ("VI", Cell("0.100 †", "0.000–0.200")),
    ]  # fmt: skip
    assert "VASC" in view.note
