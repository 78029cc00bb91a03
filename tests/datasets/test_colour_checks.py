from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dermctl.datasets.colour_checks import GREY_TOLERANCE, colour_spread, is_grey
from dermctl.datasets.decoding import decode_rgb
from tests.datasets.image_files import file_of, picture


def grey_picture(seed: int = 0) -> np.ndarray:
    grey = np.asarray(Image.fromarray(picture(341, 256, seed)).convert("L"))
    return np.dstack([grey] * 3)


def test_spread_against_a_slow_loop():
    pixels = picture(130, 128)  # blocks of 2 x 2
    expected = np.zeros((64, 65))
    for row in range(64):
        for column in range(65):
            block = pixels[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            mean = block.reshape(4, 3).mean(axis=0)
            expected[row, column] = mean.max() - mean.min()
    assert np.abs(colour_spread(pixels) - expected).max() <= 1


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95, 100])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_grey_saved_as_rgb_is_grey_at_every_quality(quality, subsampling):
    data = file_of(grey_picture(), "JPEG", quality=quality, subsampling=subsampling)
    assert is_grey(decode_rgb(data).pixels)


@pytest.mark.parametrize("quality", [50, 75, 90, 100])
def test_colour_noise_is_no_colour(quality):
    noise = np.random.default_rng(0).normal(0, 4, (256, 341, 3))
    noisy = np.clip(grey_picture() + noise, 0, 255).round().astype(np.uint8)
    assert is_grey(decode_rgb(file_of(noisy, "JPEG", quality=quality)).pixels)


def test_a_small_stamp_in_colour_leaves_a_picture_grey():
    stamped = grey_picture()
    stamped[-12:, -24:] = (255, 0, 0)
    assert is_grey(stamped)


def test_pale_skin_and_dark_skin_are_not_grey():
    for colour in [(232, 214, 205), (58, 44, 38)]:
        assert not is_grey(np.full((64, 64, 3), colour, np.uint8))


@pytest.mark.parametrize("spread", [GREY_TOLERANCE, GREY_TOLERANCE + 1])
def test_the_tolerance_is_where_it_is_said_to_be(spread):
    pixels = np.full((64, 64, 3), (100 + spread, 100, 100), np.uint8)
    assert is_grey(pixels) == (spread <= GREY_TOLERANCE)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 200, 3), (65, 3, 3)])
def test_any_shape_will_do(shape):
    assert is_grey(np.full(shape, 7, np.uint8))
