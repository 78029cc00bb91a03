"""What `evaluate` prints: figures with intervals, and what stands behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dermctl.cli.evaluate import show_evaluated, split_by
from dermctl.cli.output import Output
from dermctl.core.evaluating.internal import Gap
from dermctl.core.evaluating.results import Evaluated
from dermctl.core.evaluating.scoring import Calibrated, Figures
from dermctl.metrics.abstention import risk_coverage
from dermctl.metrics.calibration import calibration_intervals
from dermctl.metrics.fitted import fit
from dermctl.metrics.shift import Predictions, change_between
from dermctl.metrics.subgroups import audit_subgroups
from dermctl.metrics.summary import evaluate_predictions
from tests.metrics.helpers import make_predictions

NAMES = ("bcc", "mel", "nv")
FEW = {"resamples": 20, "seed": 0}


def result(**changes: Any) -> Evaluated:
    labels, values = make_predictions(120)
    audit = audit_subgroups(
        labels, values, ["1", "2", "unknown"] * 40, None, NAMES,
        column="fitzpatrick", permutations=10, **FEW,
    )  # fmt: skip
    fitted = fit(np.log(values), labels, NAMES, where="ham10000/val", manifest_sha256="0f")
    figures = Figures(
        evaluate_predictions(labels, values, None, NAMES, **FEW),
        Calibrated(fitted, calibration_intervals(labels, values, **FEW)),
        (audit,),
        risk_coverage(labels, values, **FEW),
    )
    other = Predictions(*make_predictions(60, seed=1))
    changes_to = change_between(other, Predictions(labels, values), **FEW)
    plain: dict[str, Any] = {
        "checkpoint": Path("run/checkpoints/best.ckpt"),
        "dataset": "padufes",
        "split": "test",
        "folder": Path("out"),
        "classes": NAMES,
        "figures": figures,
        "synthetic": False,
        "leak_check": "passed",
        "leaked": 0,
        "resampled": "lesions",
        "resampled_words": "lesions",
        "models": {},
        "images": {},
        "gap": Gap("ham10000", "test", 60, Path("metrics.json"), changes_to),
    }
    return Evaluated(**plain | changes)


def printed(found: Evaluated, capsys: pytest.CaptureFixture[str]) -> str:
    show_evaluated(Output(), found)
    return " ".join(capsys.readouterr().out.split())


def test_figures_come_with_their_intervals_and_what_they_resample(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = result()
    text = printed(found, capsys)
    interval = found.evaluation.intervals["balanced_accuracy"]
    assert f"balanced accuracy {interval.value:.3f} {interval.low:.3f}–{interval.high:.3f}" in text
    assert "bootstrap over 120 lesions" in text
    assert "fitted on ham10000/val" in text
    assert "model card" in text


def test_subgroups_stand_beside_what_chance_gives(capsys: pytest.CaptureFixture[str]) -> None:
    found = result()
    text = printed(found, capsys)
    assert "By Fitzpatrick skin type" in text
    first, second = found.figures.subgroups[0].subgroups
    assert f"1 40 {first.intervals['balanced_accuracy'].value:.3f}" in text
    assert f"2 40 {second.intervals['balanced_accuracy'].value:.3f}" in text
    assert "not ranked" in text, "the images of unknown skin type stand apart"
    pqd = found.figures.subgroups[0].disparities["pqd"]
    assert f"pqd {pqd.value:.3f}; with shuffled subgroups {pqd.permuted.median:.3f}" in text


def test_the_gap_to_the_internal_test_has_a_sign(capsys: pytest.CaptureFixture[str]) -> None:
    found = result()
    assert found.gap is not None
    text = printed(found, capsys)
    change = found.gap.changes["auroc"]
    assert "From the internal test (ham10000, test) to this one" in text
    assert f"AUROC (macro) {change.first:.3f} {change.difference.value:+.3f}" in text


def test_what_was_not_asked_for_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    bare = result()
    figures = Figures(bare.evaluation, None, (), None)
    text = printed(result(figures=figures, gap=None, not_calibrated="not calibrated: x"), capsys)
    assert "not calibrated: x" in text
    assert "internal test" not in text
    assert "risk-coverage" not in text
    assert "shuffled" not in text


def test_columns_are_named_one_by_one_or_with_commas() -> None:
    assert split_by(None) is None
    assert split_by(["sex, age", "site"]) == ["sex", "age", "site"]
