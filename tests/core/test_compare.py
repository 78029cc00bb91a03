"""`compare`: the same test images or nothing; differences and tests as the library gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.core.compare import compare
from dermctl.core.comparing.published import published_beside
from dermctl.errors import DataError, UsageFault
from dermctl.metrics.delong import delong_test
from dermctl.workspace import Workspace
from tests.told import Told

CLASSES = ("melanoma", "nevus", "seborrhoeic keratosis")
IMAGES = 120
TRUTH = np.random.default_rng(0).integers(3, size=IMAGES)


def scores(skill: float, seed: int) -> np.ndarray:
    odds = np.exp(np.random.default_rng(seed).normal(size=(IMAGES, 3)) + skill * np.eye(3)[TRUTH])
    return odds / odds.sum(1, keepdims=True)


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write the results of one run as `evaluate` does."""

    def write(name: str, probabilities: np.ndarray, **changes: Any) -> Path:
        order = np.random.default_rng(len(name)).permutation(IMAGES)  # each dataset has its own
        classes = changes.get("class_names", CLASSES)
        columns: dict[str, Any] = {
            "image_id": [f"i{row}" for row in order],
            "sha256": [f"{row:064d}" for row in order],
            "label": [CLASSES[TRUTH[row]] for row in order],
            "group_id": [f"g{row // 3}" for row in order],
        }
        columns |= {f"prob_{label}": probabilities[order, i] for i, label in enumerate(classes)}
        folder = tmp_path / "runs" / name / "evaluation" / changes.pop("evaluation", "clinic-test")
        folder.mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / "predictions.parquet")
        document = {
            "dataset": "clinic",
            "split": "test",
            "images": IMAGES,
            "class_names": list(classes),
            "test_sha256": "same",
            "evaluated_at": "2026-01-01",
            "checkpoint": f"runs/{name}/checkpoints/best.ckpt",
            "leak_check": "passed",
            "intervals": {},
            **changes,
        }
        (folder / "metrics.json").write_text(json.dumps(document))
        return folder

    return write


def test_differences_are_of_the_same_images_whatever_their_order(
    save: Callable[..., Path], tmp_path: Path
) -> None:
    weak, strong = scores(0.5, 1), scores(2.0, 2)
    save("20260101-000000-weak", weak)
    save("20260101-000001-strong", strong)
    found = compare(Workspace(tmp_path), ["weak", "strong"], resamples=200)
    (contrast,) = found.contrasts
    wanted = [balanced_accuracy_score(TRUTH, each.argmax(1)) for each in (weak, strong)]
    assert contrast.differences["balanced_accuracy"].value == pytest.approx(wanted[1] - wanted[0])
    assert contrast.differences["balanced_accuracy"].low > 0
    areas = [roc_auc_score(TRUTH == 0, each[:, 0]) for each in (weak, strong)]
    test = contrast.tests["melanoma"]
    assert test.difference == pytest.approx(areas[1] - areas[0])
    peer = delong_test(TRUTH == 0, strong[:, 0], weak[:, 0], np.arange(IMAGES) // 3)
    assert test.p_value == pytest.approx(peer.p_value)
    assert test.adjusted_p_value >= test.p_value
    assert found.groups == 40


def test_a_run_beside_itself_differs_nowhere(save: Callable[..., Path], tmp_path: Path) -> None:
    folder = save("20260101-000000-one", scores(1.0, 1))
    other = save("20260101-000001-two", scores(1.0, 1))
    found = compare(Workspace(tmp_path), [str(folder), str(other / "metrics.json")], resamples=50)
    for interval in found.contrasts[0].differences.values():
        assert (interval.value, interval.low, interval.high) == (0, 0, 0)
    assert all(test.p_value == 1 for test in found.contrasts[0].tests.values())


def test_classes_in_another_order_are_the_same(save: Callable[..., Path], tmp_path: Path) -> None:
    found = scores(1.0, 1)
    one = save("20260101-000000-one", found)
    turned = save("20260101-000001-two", found[:, ::-1], class_names=CLASSES[::-1])
    compared = compare(Workspace(tmp_path), [str(one), str(turned)], resamples=50)
    assert compared.contrasts[0].differences["auroc"].value == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"test_sha256": "other"}, "were not evaluated on the same images: 120 and 120"),
        ({"class_names": ["melanoma", "nevus", "bcc"]}, "tell other classes apart: bcc, sebo"),
    ],
)
def test_what_differs_is_refused(
    save: Callable[..., Path], tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    one = save("20260101-000000-one", scores(1.0, 1))
    two = save("20260101-000001-two", scores(1.0, 2), **changes)
    if "class_names" in changes:  # a model of other classes knows no such label here
        table = pq.read_table(two / "predictions.parquet")
        kept = ["bcc" if x.startswith("seb") else x for x in table.column("label").to_pylist()]
        table = table.set_column(2, "label", pa.array(kept))
        pq.write_table(table, two / "predictions.parquet")
    with pytest.raises(DataError, match=words):
        compare(Workspace(tmp_path), [str(one), str(two)])


def test_which_run_is_meant(save: Callable[..., Path], tmp_path: Path) -> None:
    save("20260101-000000-a-one", scores(1.0, 1))
    save("20260101-000001-b-one", scores(1.0, 2))
    (tmp_path / "runs" / "20260101-000002-never").mkdir()
    workspace = Workspace(tmp_path)
    for runs, words in (
        (["a-one"], "one run cannot be compared"),
        (["a-one", "nobody"], "there is no run 'nobody'"),
        (["a-one", "one"], "could be any of 2 runs"),
        (["a-one", "never"], "has not been evaluated"),
    ):
        with pytest.raises(UsageFault, match=words):
            compare(workspace, runs)
    with pytest.raises(UsageFault, match="not been evaluated on isic-test"):
        compare(workspace, ["a-one", "b-one"], on="isic-test")


def test_the_newest_evaluation_is_taken(save: Callable[..., Path], tmp_path: Path) -> None:
    save("20260101-000000-one", scores(1.0, 1))
    newer = save(
        "20260101-000000-one", scores(2.0, 1), evaluation="isic-test", evaluated_at="2026-02-01"
    )
    other = save("20260101-000001-two", scores(1.0, 2))
    found = compare(Workspace(tmp_path), ["one", str(other)], resamples=20)
    assert found.results[0].folder == newer


def test_runs_of_several_views_beside_single_ones_are_said(
    save: Callable[..., Path], tmp_path: Path
) -> None:
    one = save("20260101-000000-one", scores(1.0, 1))
    two = save("20260101-000001-two", scores(1.0, 2), tta=True)
    told = Told()
    compare(Workspace(tmp_path), [str(one), str(two)], resamples=20, progress=told)
    assert any("not all were run alike" in line for line in told.said)


def test_the_command_line_shows_and_writes_it(save: Callable[..., Path], tmp_path: Path) -> None:
    save("20260101-000000-weak", scores(0.5, 1))
    save("20260101-000001-strong", scores(2.0, 2))
    words = [
        "--workspace",
        str(tmp_path),
        "compare",
        "weak",
        "strong",
        "--out",
        str(tmp_path / "c"),
    ]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "20260101-000001-strong minus 20260101-000000-weak" in shown.output
    assert "no published result is of these images and classes" in shown.output
    saved = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert saved["images"] == IMAGES
    again = CliRunner().invoke(app, [*words[:-2], "--json"])
    document = json.loads(again.stdout)
    assert document["against_the_first"] == saved["against_the_first"]


def test_published_rows_want_the_same_images_and_classes() -> None:
    clean = {"dataset": "ham10000", "images": 1_232, "class_names": list("abcdefg")}
    assert [row.source for row in published_beside(clean)] == ["PanDerm"]
    assert published_beside({**clean, "images": 2_003}) == []
    assert published_beside({**clean, "class_names": ["a", "b"]}) == []
