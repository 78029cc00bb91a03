"""Descriptions: where keypoints may lie, and how they are kept."""

from __future__ import annotations

import numpy as np
import pytest

from dermctl.datasets.near_duplicates.describe import (
    LONG_SIDE,
    MAX_KEYPOINTS,
    Descriptions,
    describe,
)
from dermctl.errors import DataError
from tests.datasets.near_duplicates.pictures import draw


def test_points_are_measured_in_long_sides_from_the_centre():
    description = describe(draw(0, 240, 120))
    assert 20 <= len(description) <= MAX_KEYPOINTS
    x, y, size, direction = description.points.astype(np.float64).T
    assert np.abs(x).max() <= 0.25
    assert 0.25 < np.abs(y).max() <= 0.5
    assert np.all(size < 0)
    assert np.all((direction >= 0) & (direction <= 2 * np.pi + 0.01))


def test_the_black_surround_of_a_dermatoscope_has_no_keypoints():
    picture = draw(3, 160, 160)
    y, x = np.mgrid[:160, :160] - 79.5
    outside = np.hypot(x, y) > 70
    picture[outside] = 0
    points = describe(picture).points.astype(np.float64)
    assert len(points) > 20
    assert np.hypot(points[:, 0], points[:, 1]).max() * LONG_SIDE < 70 - 4


def test_a_dark_lesion_inside_the_picture_keeps_its_keypoints():
    picture = draw(4, 160, 160) // 4 + 20
    picture[60:100, 60:100] //= 16
    points = describe(picture).points.astype(np.float64)
    assert (np.abs(points[:, :2]).max(axis=1) * LONG_SIDE < 20).sum() > 0


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (64, 64, 3)])
def test_flat_and_tiny_pictures_have_no_keypoints(shape):
    description = describe(np.full(shape, 128, np.uint8))
    assert description.points.shape == (0, 4)
    assert description.codes.shape == (0, 8)


def test_descriptions_survive_gathering_joining_saving_and_loading(tmp_path):
    each = [describe(draw(seed)) for seed in range(3)] + [describe(np.zeros((32, 32, 3), np.uint8))]
    together = Descriptions.gather(each)
    together.save(tmp_path / "descriptions.npz")
    loaded = Descriptions.load(tmp_path / "descriptions.npz")
    joined = Descriptions.concatenate([loaded, loaded])
    assert (len(together), len(loaded), len(joined)) == (4, 4, 8)
    for row in range(8):
        np.testing.assert_array_equal(joined[row].points, each[row % 4].points)
        np.testing.assert_array_equal(joined[row].codes, each[row % 4].codes)
    assert len(Descriptions.gather([])) == len(Descriptions.concatenate([])) == 0


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_a_data_error(tmp_path, content):
    path = tmp_path / "descriptions.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        Descriptions.load(path)
