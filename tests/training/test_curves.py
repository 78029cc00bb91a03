"""The curves of a training: one picture in the run's folder, and the same in TensorBoard."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dermctl.training.curves import CURVES_FILE, draw_curves
from tests.training.made import STEPS, train

PROBES = {
    "probe/ridge": 0.5,
    "probe/knn": 0.4,
    "probe/alignment": 0.3,
    "probe/uniformity": -2.0,
    "probe/effective_rank": 7.0,
    "probe/feature_std": 0.1,
}
"""All that ``Watch`` measures."""


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def shown(folder: Path) -> Any:
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    return events.Reload()


def test_tensorboard_has_every_probe_and_the_picture_of_the_folder(tmp_path: Path) -> None:
    train(tmp_path, measures=(lambda trainer, module: PROBES,), minutes=0)
    events = shown(tmp_path)
    assert set(events.Tags()["scalars"]) == {"train/loss", "val/loss", "lr", *PROBES}
    for name, value in PROBES.items():
        assert [point.value for point in events.Scalars(name)] == [np.float32(value)] * 3
    pictures = events.Images("curves")
    assert [picture.step for picture in pictures] == [3 * STEPS - 1]
    there = Image.open(io.BytesIO(pictures[-1].encoded_image_string))
    with Image.open(tmp_path / CURVES_FILE) as here:
        assert np.array_equal(np.asarray(there), np.asarray(here.convert("RGB")))


def test_only_what_there_is_is_drawn(tmp_path: Path) -> None:
    assert draw_curves(tmp_path) is None
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train/loss\n0,0,2.5\n0,1,2.0\n")
    assert draw_curves(tmp_path) == tmp_path / CURVES_FILE
    one = size(tmp_path / CURVES_FILE)
    path.write_text("epoch,step,train/loss,probe/knn\n0,0,2.5,\n0,1,2.0,0.5\n")
    draw_curves(tmp_path)
    two = size(tmp_path / CURVES_FILE)
    assert two[0] > 1.5 * one[0]
    assert two[1] == one[1]


def test_a_curve_that_is_cut_short_by_a_kill_is_drawn_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train/loss\n0,0,2.5\n0,1,2.0\n")
    draw_curves(tmp_path)
    whole = (tmp_path / CURVES_FILE).read_bytes()
    path.write_text("epoch,step,train/loss\n0,0,2.5\n0,1,2.0\n0,2,1.")
    draw_curves(tmp_path)
    assert (tmp_path / CURVES_FILE).read_bytes() == whole
