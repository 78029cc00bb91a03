"""Crops are Pillow's, nearly: the same where they grow, as smooth where they shrink."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dermctl.views.resample import NO_SMOOTHING, crop_resize, smoothing
from tests.views.pictures import picture

SIZE = 64


def pillow(pixels, box, size):
    left, top, width, height = box
    return np.asarray(
        Image.fromarray(pixels).resize(
            (size, size), Image.Resampling.BILINEAR, box=(left, top, left + width, top + height)
        ),
        float,
    )


@pytest.mark.parametrize("box", [(0, 0, 64, 64), (3, 5, 50, 40), (10, 20, 31, 45), (7, 1, 9, 12)])
def test_equal_to_pillow_where_the_crop_grows(box):
    pixels = picture(80, 70)
    left, top, width, height = box
    # Pillow's box reads beyond the crop's border, and torchvision's crop does not: cut first.
    cut = pixels[top : top + height, left : left + width]
    theirs = pillow(np.ascontiguousarray(cut), (0, 0, width, height), SIZE)
    assert np.abs(crop_resize(pixels, box, SIZE) - theirs).max() <= 1.5


@pytest.mark.parametrize("reduction", [1.35, 1.6, 2.0, 2.2, 2.5, 3.0, 4.0, 5.0, 8.0])
def test_as_smooth_as_pillow_where_the_crop_shrinks(reduction):
    side = round(SIZE * reduction)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    ours = crop_resize(noise, (0, 0, side, side), SIZE).astype(float)
    theirs = pillow(noise, (0, 0, side, side), SIZE)
    plain = cv2.resize(noise, (SIZE, SIZE)).astype(float)
    # Of white noise, what is left is what the filter lets through.
    assert ours.std() == pytest.approx(theirs.std(), rel=0.25)
    assert np.abs(ours - theirs).mean() < 0.6 * np.abs(plain - theirs).mean()


@pytest.mark.parametrize("box", [(0, 0, 200, 180), (20, 10, 150, 110), (5, 3, 333, 290)])
def test_close_to_pillow_on_pictures_that_shrink(box):
    pixels = picture(340, 300)
    left, top, width, height = box
    factor = smoothing(width, height, SIZE).factor
    # Of a crop that is averaged first, what fills no whole square is left out: 3 of 333 pixels.
    right, bottom = left + width // factor * factor, top + height // factor * factor
    cut = np.ascontiguousarray(pixels[top:bottom, left:right])
    theirs = pillow(cut, (0, 0, *cut.shape[1::-1]), SIZE)
    assert np.abs(crop_resize(pixels, box, SIZE) - theirs).mean() < 1.5


def test_a_small_reduction_needs_no_smoothing():
    assert smoothing(83, 83, SIZE) is NO_SMOOTHING
    assert smoothing(84, 84, SIZE) is not NO_SMOOTHING


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(16, 300))
def test_smoothing_never_sharpens_nor_moves_the_peak(width, height, size):
    factor, a_x, a_y = smoothing(width, height, size)
    assert 0 <= a_x <= 1 / 3
    assert 0 <= a_y <= 1 / 3
    assert factor == 1 or min(width, height) / factor >= size


def test_a_crop_of_one_pixel_is_that_pixel():
    pixels = picture(20, 20)
    assert (crop_resize(pixels, (4, 6, 1, 1), 8) == pixels[6, 4]).all()
