from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dermctl.metrics.abstention import risk_coverage
from dermctl.metrics.shift import Predictions, change_between
from dermctl.metrics.subgroups import audit_subgroups
from dermctl.metrics.summary import evaluate_predictions
from dermctl.metrics.thresholds import choose_thresholds
from dermctl.report import wording
from dermctl.report.evaluation import (
    Embeddings,
    EvaluationReport,
    Mistake,
    write_evaluation_report,
)
from dermctl.report.page import SYNTHETIC
from tests.report.pages import read_page

HAM = ["AKIEC", "BCC", "BKL", "DF", "MEL", "NV", "VASC"]


def predictions(classes, images, *, seed=0, absent=()):
    """Labels, probabilities and groups of a made-up model that is right more often than not."""
    rng = np.random.default_rng(seed)
    present = [index for index in range(classes) if index not in absent]
    labels = rng.choice(present, images)
    logits = rng.normal(0, 1, (images, classes))
    logits[np.arange(images), labels] += 1.5
    odds = np.exp(logits)
    return labels, odds / odds.sum(axis=1, keepdims=True), rng.integers(0, images // 2, images)


def made_up(names, images, *, resamples=20, absent=(), thresholds=False, **changes):
    labels, probabilities, groups = predictions(len(names), images, absent=absent)
    chosen = None
    if thresholds:
        other = predictions(len(names), images, seed=1)[:2]
        targets = ({"specificity": 0.9}, {"sensitivity": 0.8})
        each = [choose_thresholds(*other, names, **target) for target in targets]
        chosen = {name: [found[name] for found in each] for name in names}
    evaluation = evaluate_predictions(
        labels, probabilities, groups, names, thresholds=chosen, resamples=resamples
    )
    report = EvaluationReport(
        "run/best", "ham10000", "test", names, evaluation.to_json(), labels, probabilities
    )
    return replace(report, **changes)


def audit(names, images):
    labels, probabilities, groups = predictions(len(names), images)
    skin = np.random.default_rng(2).choice(
        ["1", "2", "5", "unknown"], images, p=[0.5, 0.3, 0.05, 0.15]
    )
    return audit_subgroups(
        labels, probabilities, skin, groups, names,
        column="fitzpatrick", min_images=20, resamples=20, permutations=20,
    ).to_json()  # fmt: skip


def photograph():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 150, 120)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def written(tmp_path):
    def write(report):
        path = tmp_path / "report.html"
        write_evaluation_report(path, report)
        return path

    return write


def interval(found):
    if found["value"] is None:
        return "–"
    return f"{found['value']:.3f} {found['low']:.3f}–{found['high']:.3f}"


def test_overall_figures_are_those_of_the_metrics(written):
    report = made_up(HAM, 200)
    page = read_page(written(report))
    for key, found in report.metrics["intervals"].items():
        value, bounds = page.row(wording.OVERALL[key].title, "metric", "value")[:2]
        assert f"{value} {bounds}" == interval(found)
    for key in wording.HEADLINE:
        assert page.by_id[f"headline-{key}"] == f"{report.metrics[key]:.3f}"
    assert len(page.table("metric", "value")) == len(report.metrics["intervals"])


def test_figures_of_each_class_are_those_of_the_metrics(written):
    report = made_up(HAM, 200)
    page = read_page(written(report))
    for name, images in zip(HAM, report.metrics["support"], strict=True):
        row = page.row(name, "class", "images")
        assert row[:2] == [str(images), f"{100 * images / 200:.1f}"]
        own = report.metrics["per_class"][name]
        assert row[2:] == [interval(own[metric]) for metric in wording.PER_CLASS]


def test_confusions_are_listed_by_number(written):
    report = made_up(["a", "b", "c"], 90)
    rows = read_page(written(report)).table("truth", "taken for")
    confusion = report.metrics["confusion"]
    expected = {
        (truth, decision): confusion[row][column]
        for row, truth in enumerate("abc")
        for column, decision in enumerate("abc")
        if row != column and confusion[row][column]
    }
    assert {(truth, decision): int(number) for truth, decision, number, _ in rows} == expected
    numbers = [int(row[2]) for row in rows]
    assert numbers == sorted(numbers, reverse=True)


def test_operating_points_say_what_they_were_chosen_for(written):
    report = made_up(["a", "b", "c"], 120, thresholds=True)
    page = read_page(written(report))
    points = report.metrics["operating_points"]
    expected = [
        [
            name, aim, f"{points[name][number]['threshold']:.3f}",
            *(
                interval(points[name][number][key])
                for key in ("sensitivity", "specificity", "predictive_value")
            ),
        ]
        for number, aim in enumerate(["specificity ≥ 0.9", "sensitivity ≥ 0.8"])
        for name in points
    ]  # fmt: skip
    assert page.table("class", "chosen for") == expected


def test_subgroups_and_disparities_are_those_of_the_audit(written):
    found = audit(HAM, 300)
    page = read_page(written(made_up(HAM, 300, subgroups=[found])))
    numerals = {"1": "I", "2": "II", "5": "V", "unknown": "unknown"}
    for subgroup in [*found["subgroups"], found["unknown"]]:
        row = page.row(numerals[subgroup["name"]], "Fitzpatrick skin type")
        assert row[:2] == [str(subgroup["images"]), str(subgroup["clusters"])]
        shown = [interval(subgroup["intervals"][key]) for key in ("balanced_accuracy", "auroc")]
        assert row[2:4] == shown
        assert (row[4] == "not compared") == (not subgroup["ranked"])
    for key, disparity in found["disparities"].items():
        row = page.row(wording.DISPARITIES[key].title, "disparity", "value")
        assert row[0] == f"{disparity['value']:.3f}"
        assert row[2] == f"{disparity['permuted']['p_value']:.3f}"


def test_undefined_figures_show_a_dash_and_the_reason(written):
    report = made_up(["a", "b", "absent"], 60, absent=(2,))
    page = read_page(written(report))
    row = page.row("absent", "class", "images")
    assert row[0] == "0"
    assert row[2] == row[6] == row[7] == "–"
    assert "– no images of this class (sensitivity, AUPRC): absent." in page.text
    assert "averaged without absent" in page.text
    assert "nan" not in page.text.lower().split()


def test_metrics_undefined_throughout_and_no_resamples(written):
    report = made_up(["a", "b"], 20, absent=(1,), resamples=0)
    page = read_page(written(report))
    assert report.metrics["auroc"] is None
    assert page.by_id["headline-auroc"] == "–"
    assert page.row("AUROC", "metric", "value")[:2] == ["–", "–"]
    assert "undefined for every class" in page.text
    assert "No intervals: nothing was resampled." in page.text


@pytest.mark.parametrize(
    ("names", "images"),
    [(HAM, 150), (["benign", "malignant"], 60), ([f"condition {n}" for n in range(114)], 600)],
)
def test_a_page_is_one_file_that_fetches_nothing(written, names, images):
    page = read_page(written(made_up(names, images, resamples=5)))
    assert page.fetches() == []
    assert len(page.table("class", "images")) == len(names) + 1
    citations = [
        attributes["href"] for tag, attributes in page.tags if tag == "a" and "href" in attributes
    ]
    assert all(address.startswith("https://doi.org/") for address in citations)
    plots = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert plots
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in plots)


def test_hostile_names_stay_text(written):
    hostile = "<script>alert(1)</script>"
    names = [hostile, '"><img src=x onerror=alert(1)>', "$c$"]
    report = made_up(
        names, 60, checkpoint=hostile, notes=[hostile], facts={hostile: hostile},
        limitations=[hostile], mistakes=[Mistake(hostile, names[1], hostile, 0.9)],
    )  # fmt: skip
    path = written(report)
    page = read_page(path)
    assert page.fetches() == []
    assert "<script" not in path.read_text(encoding="utf-8")
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.row(hostile, "class", "images")[0] == str(report.metrics["support"][0])


def test_the_same_evaluation_gives_the_same_page(written):
    report = made_up(["a", "b"], 60, subgroups=[audit(["a", "b"], 60)])
    first = written(report).read_bytes()
    assert written(report).read_bytes() == first


def test_what_was_not_given_is_said_to_be_missing(written):
    page = read_page(written(made_up(["a", "b"], 40)))
    assert page.fact("Leak check") == "not stated"
    assert "No subgroup was audited" in page.text
    assert page.row("Training data", "item") == ["no", "not stated"]
    assert page.row("Figures by subgroup", "item") == ["no", "no subgroup audit"]
    assert "most confident mistakes" not in page.text


def test_a_leak_check_that_was_not_made_is_not_ticked(written):
    page = read_page(written(made_up(["a", "b"], 40, leak_check="not made: no record")))
    assert page.row("Checked that no image was seen in training", "item") == [
        "no", "not made: no record",
    ]  # fmt: skip


def test_what_was_given_is_shown(written):
    report = made_up(
        ["a", "b"], 40, weights="SimCLR", trained_on=["fitzpatrick"], leak_check="none was seen",
        leak_checked=True,
        selection="best on val", facts={"Image size": "224 px"}, notes=["Remark."],
        limitations=["Two clinics."], groups="patients",
    )  # fmt: skip
    page = read_page(written(report))
    assert page.fact("Leak check") == "none was seen"
    assert page.fact("Image size") == "224 px"
    assert page.row("Evaluation on data from elsewhere", "item")[0] == "yes"
    assert page.row("Checked that no image was seen in training", "item") == [
        "yes", "none was seen",
    ]  # fmt: skip
    assert "Remark." in page.text
    assert "Two clinics." in page.text
    assert f"{report.metrics['clusters']} patients" in page.text


def test_synthetic_images_are_labelled_at_the_top(written):
    text = read_page(written(made_up(["a", "b"], 40, synthetic=True))).text
    assert text.index(SYNTHETIC) < text.index("40 images")
    assert "These figures say nothing about patients." in text


def test_photographs_are_embedded_and_blurred_until_clicked(written):
    mistakes = [
        Mistake("first", "a", "b", 0.97, picture=photograph()),
        Mistake("second", "b", "a", 0.91, picture=photograph(), blurred=False),
        Mistake("third", "b", "a", 0.88, link="images/third.jpg"),
    ]
    page = read_page(written(made_up(["a", "b"], 40, mistakes=mistakes)))
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [image["alt"] for image in images] == ["first: a, taken for b", "second: b, taken for a"]
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in images)
    boxes = [attributes["aria-label"] for tag, attributes in page.tags if tag == "input"]
    assert boxes == ["Show the photograph first"]
    links = [attributes.get("href") for tag, attributes in page.tags if tag == "a"]
    assert "images/third.jpg" in links
    assert page.fetches() == []
    assert "a taken for b with 97.0 %" in page.text


def with_entries(report, **entries):
    """The report with further entries of ``metrics.json``."""
    return replace(report, metrics={**report.metrics, **entries})


def test_calibration_stands_before_and_after_the_temperature(written):
    report = made_up(["a", "b", "c"], 80)
    after = dict.fromkeys(("ece", "brier"), report.metrics["intervals"]["accuracy"])
    fitted = {
        "temperature": 1.5, "reason": None, "fitted_on": "clinic/val", "fitted_on_images": 40,
        "fitted_on_manifest_sha256": "0f", "after": after,
    }  # fmt: skip
    shown = with_entries(report, calibration=fitted, not_calibrated="")
    page = read_page(written(replace(shown, calibrated=report.probabilities)))
    row = page.row("Calibration error", "calibration")
    assert row == [interval(report.metrics["intervals"]["ece"]), interval(after["ece"])]
    assert "A temperature of 1.500 was fitted on clinic/val (40 images)" in page.text
    titles = [each.get("aria-label") for tag, each in page.tags if tag == "svg"]
    assert "As the model says it" in titles
    assert "After the temperature" in titles


def test_a_model_that_is_not_calibrated_says_why(written):
    report = with_entries(
        made_up(["a", "b", "c"], 60),
        calibration=None,
        not_calibrated="not calibrated: never fitted",
    )
    text = read_page(written(report)).text
    assert "Not calibrated: never fitted. Nothing was fitted on these images" in text


def test_the_gap_to_the_internal_test_is_stated_with_its_sign(written):
    report = made_up(HAM, 150)
    inner = predictions(len(HAM), 200, seed=4)
    changes = change_between(
        Predictions(*inner), Predictions(report.labels, report.probabilities), resamples=20
    )
    entry = {
        "dataset": "ham10000", "split": "test", "images": 200, "metrics_file": "x",
        "changes": {name: change.to_json() for name, change in changes.items()},
    }  # fmt: skip
    page = read_page(written(with_entries(report, internal_test=entry)))
    change = changes["accuracy"]
    row = page.row("Accuracy", "change in")
    assert row[:2] == [f"{change.first:.3f}", f"{change.second:.3f}"]
    written_value = f"{change.difference.value:+.3f}".replace("-", "−")
    assert row[2].split()[0] == written_value
    assert "The same model on ham10000, test (200 images)" in page.text
    assert page.fetches() == []


def test_abstention_shows_what_is_decided_and_how_well(written):
    report = made_up(["a", "b", "c"], 90)
    found = risk_coverage(report.labels, report.probabilities, resamples=20)
    page = read_page(written(with_entries(report, abstention=found.to_json())))
    for point in found.points:
        row = page.row(f"{100 * point.least_coverage:.1f} %", "at least decided")
        assert row[0] == f"{point.confidence:.3f}"
        assert row[1:] == [interval(vars(point.coverage)), interval(vars(point.accuracy))]
    assert "area under the curve is" in page.text


def test_two_classes_have_a_decision_curve_and_more_have_none(written):
    labels = [
        [each.get("aria-label") for tag, each in read_page(written(made_up(names, 60))).tags
         if tag == "svg"]
        for names in (["benign", "malignant"], ["a", "b", "c"])
    ]  # fmt: skip
    assert "Decision curve" in labels[0]
    assert "Decision curve" not in labels[1]


def test_embeddings_have_a_panel_for_each_class_that_is_there(written):
    report = made_up(["a", "b", "absent"], 60, absent=(2,))
    points = np.random.default_rng(0).normal(size=(60, 2))
    page = read_page(written(replace(report, embeddings=Embeddings(points, (0.5, 0.25)))))
    titles = [each.get("aria-label") for tag, each in page.tags if tag == "svg"]
    assert [title for title in titles if "Embeddings" in title] == [
        "Embeddings: a", "Embeddings: b",
    ]  # fmt: skip
    assert "50 % and 25 % of the variance" in page.text


def test_the_report_does_not_import_torch():
    code = (
        "import sys, dermctl.report.evaluation, dermctl.report.dataset; "
        "sys.exit(bool({'torch', 'pandas', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
