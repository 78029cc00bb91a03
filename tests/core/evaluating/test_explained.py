"""`evaluate --explain N`: which images, how they are drawn, and where the pictures may lie."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import colormaps
from typer.testing import CliRunner

from dermctl.checkpoint import read_checkpoint, save_checkpoint
from dermctl.cli.main import app
from dermctl.core import evaluate as module
from dermctl.core.evaluating.explained import (
    COLORMAP,
    OPACITY,
    beside,
    check_explained,
    chosen_images,
    explain,
)
from dermctl.datasets.prepared import load_split
from dermctl.models.encoder import build_encoder, feature_width
from dermctl.models.explain import GRAD_CAM, ROLLOUT
from dermctl.models.heads import Classifier
from dermctl.models.restore import ImageClassifier
from tests.conftest import Trained


def test_the_surest_mistakes_come_first_then_the_surest_right_ones() -> None:
    truth = np.array([0, 0, 1, 1, 0])
    predicted = np.array([[0.6, 0.4], [0.3, 0.7], [0.8, 0.2], [0.1, 0.9], [0.95, 0.05]])
    assert chosen_images(truth, predicted, 9) == [2, 1, 4, 3, 0]
    assert chosen_images(truth, predicted, 3) == [2, 1, 4]


def test_the_image_stands_left_and_the_map_over_it_right() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    weighed = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
    found = beside(pixels, weighed)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[:, :4], pixels)
    for row, column in ((0, 0), (1, 2), (3, 3)):
        colour = 255 * np.array(colormaps[COLORMAP](weighed[row, column])[:3])
        wanted = (1 - OPACITY) * pixels[row, column] + OPACITY * colour
        np.testing.assert_allclose(found[row, 4 + column], wanted, atol=0.51)


def run(trained: Trained, checkpoint: Path, out: Path, *flags: str) -> tuple[int, str, str]:
    words = ["--workspace", trained.workspace.root, "evaluate", checkpoint, "--out", out]
    words += ["--accelerator", "cpu", "--workers", "0", "--by", "none", *flags]
    result = CliRunner().invoke(app, [str(word) for word in words])
    page = out / "report.html"
    return result.exit_code, result.output, page.read_text("utf-8") if page.is_file() else ""


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESAMPLES", 20)


def maps_on(page: str) -> list[tuple[str, np.ndarray]]:
    """Alternative text and pixels of each picture that has a map beside it."""
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', page)
    return [
        (alt, cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR))
        for data, alt in found
        if "what the model weighed" in alt
    ]


@pytest.mark.slow
def test_the_page_holds_as_many_maps_as_were_asked_for(trained: Trained, tmp_path: Path) -> None:
    path = trained.finetuned.checkpoint
    code, output, page = run(trained, path, tmp_path / "maps", "--explain", "4")
    assert code == 0, output
    maps = maps_on(page)
    assert len(maps) == 4
    side = read_checkpoint(path).about.image_size
    assert all(pixels.shape == (side, 2 * side, 3) for _, pixels in maps)
    assert "Attention rollout" in page
    assert "which places the model weighed, not what it saw there or why" in page
    assert "Adebayo et al. 2018" in page
    rightly = ["decided rightly" in alt for alt, _ in maps]
    assert rightly == sorted(rightly), "mistakes come first"
    assert page.count("Show the photograph") >= 4, "their modality is not known: blurred"
    assert not (tmp_path / "maps" / "pictures").exists(), "CC-0 pictures are embedded"

    code, _, page = run(trained, path, tmp_path / "none")
    assert code == 0
    assert "What the model weighed" not in page


def test_maps_without_pictures_are_refused(trained: Trained, tmp_path: Path) -> None:
    path, out = trained.finetuned.checkpoint, tmp_path / "out"
    code, output, page = run(trained, path, out, "--explain", "1", "--no-images")
    assert (code, page) == (2, "")
    assert "--no-images shows none" in " ".join(output.split())


def test_pictures_that_may_not_be_passed_on_are_linked(trained: Trained, tmp_path: Path) -> None:
    rows = load_split(trained.workspace.dataset("clinic"), "test")
    place = rows.table.schema.get_field_index("license")
    closed = replace(rows, table=rows.table.set_column(place, "license", [[None] * len(rows)]))
    truth, predicted = np.zeros(len(rows), np.int64), np.tile([[0.4, 0.6]], (len(rows), 1))
    found = explain(
        read_checkpoint(trained.finetuned.checkpoint),
        ROLLOUT,
        closed,
        truth,
        predicted,
        count=2,
        averaged=False,
        folder=tmp_path,
        device="cpu",
    )
    assert [each.picture for each in found.images] == [None, None]
    assert all(each.blurred for each in found.images)
    links = [str(each.link) for each in found.images]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == sorted(
        link.removeprefix("pictures/") for link in links
    )
    shape = cv2.imread(str(tmp_path / links[0])).shape
    assert shape[1] == 2 * shape[0]


def other_encoder(trained: Trained, name: str, side: int, path: Path) -> Path:
    """A checkpoint of the clinic's classes with another, untrained encoder."""
    about = read_checkpoint(trained.finetuned.checkpoint).about
    encoder = build_encoder(name, side)
    model = ImageClassifier(encoder, Classifier(feature_width(encoder), len(about.classes)))
    about = replace(about, encoder=name, image_size=side, head={})
    save_checkpoint(path, about, model.state_dict())
    return path


def test_a_cnn_is_explained_by_grad_cam_and_another_encoder_refused(
    trained: Trained, tmp_path: Path
) -> None:
    cnn = other_encoder(trained, "test_resnet", 64, tmp_path / "cnn.ckpt")
    assert check_explained(read_checkpoint(cnn)) == GRAD_CAM
    code, output, page = run(trained, cnn, tmp_path / "cnn", "--explain", "100", "--tta")
    assert code == 0, output
    rows = load_split(trained.workspace.dataset("clinic"), "test")
    assert len(maps_on(page)) == len(rows), "all, where there are fewer"
    assert "Grad-CAM" in page
    assert "the maps are of the first model and the upright image" in page

    neither = other_encoder(trained, "test_mambaout", 64, tmp_path / "neither.ckpt")
    code, output, page = run(trained, neither, tmp_path / "neither", "--explain", "1")
    assert (code, page) == (1, "")
    said = " ".join(output.split())
    assert "no map of what 'test_mambaout' weighs can be drawn" in said
    assert "Traceback" not in output
