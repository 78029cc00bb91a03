from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from dermctl.datasets.hashing import (
    HASH_BITS,
    dct_coefficients,
    orientation_hashes,
    perceptual_hash,
)
from dermctl.datasets.packing import pack
from tests.datasets.image_files import opened, picture


def differing_bits(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def orientations(pixels: np.ndarray) -> list[np.ndarray]:
    flips = [pixels, pixels[:, ::-1], pixels[::-1], pixels[::-1, ::-1]]
    turned = [flip.transpose(1, 0, 2) for flip in flips]
    return [np.ascontiguousarray(one) for one in (*flips, *turned)]


def test_coefficients_against_the_sums_of_the_definition():
    grey = np.random.default_rng(0).integers(0, 256, (128, 128)).astype(np.uint8)
    cells = grey.reshape(32, 4, 32, 4).mean(axis=(1, 3)).round()
    expected = np.zeros((8, 8))
    positions = (2 * np.arange(32) + 1) / 64
    for v in range(8):
        for u in range(8):
            waves = np.outer(np.cos(np.pi * v * positions), np.cos(np.pi * u * positions))
            scale = (np.sqrt(1 / 32) if v == 0 else 0.25) * (np.sqrt(1 / 32) if u == 0 else 0.25)
            expected[v, u] = scale * (cells * waves).sum()
    coefficients = dct_coefficients(np.dstack([grey] * 3))
    assert np.abs(coefficients - expected).max() < 1.5, "cells are rounded to whole levels"


def test_bits_are_in_the_order_that_is_documented():
    """One horizontal half wave: of the frequencies above the median, only (0, 1) is large."""
    ramp = np.tile(np.linspace(255, 0, 64).astype(np.uint8), (64, 1))
    value = perceptual_hash(np.dstack([ramp] * 3))
    assert value >> 63 == 1, "the mean"
    assert value >> 62 & 1 == 1, "vertical 0, horizontal 1"
    assert value >> 55 & 1 == 0, "vertical 1, horizontal 0"


def test_a_known_hash_stays_what_it_is():
    """Stored hashes are compared with new ones: a change of the algorithm must not go unseen."""
    assert perceptual_hash(picture()) == KNOWN


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), width=st.integers(40, 300), height=st.integers(40, 300))
@example(seed=777, width=177, height=177)
def test_hashes_of_all_orientations_come_from_one_transform(seed, width, height):
    pixels = picture(width, height, seed)
    expected = [perceptual_hash(one) for one in orientations(pixels)]
    found = orientation_hashes(pixels)
    assert found[0] == expected[0]
    assert len(set(found)) == 8, "the picture is unlike itself in every other orientation"
    for one, other in zip(found, expected, strict=True):
        assert differing_bits(one, other) <= 4, "rounding of the averages alone"


def test_small_changes_change_few_bits_and_another_picture_half_of_them():
    for seed in range(10):
        pixels = picture(600, 450, seed)
        value = perceptual_hash(pixels)
        assert 0 <= value < 2**HASH_BITS
        packed = np.asarray(opened(pack(pixels, 256)))
        assert differing_bits(value, perceptual_hash(packed)) <= 2
        smaller = np.asarray(Image.fromarray(pixels).resize((200, 150)))
        assert differing_bits(value, perceptual_hash(smaller)) <= 4
        darker = (pixels * 0.8).astype(np.uint8)
        assert differing_bits(value, perceptual_hash(darker)) <= 4
        other = perceptual_hash(picture(600, 450, seed + 1))
        assert differing_bits(value, other) > 12


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (40, 30, 3)])
def test_flat_pictures_have_one_hash(shape):
    assert perceptual_hash(np.full(shape, 90, np.uint8)) == 1 << 63, "nothing but the mean"


KNOWN = 0xD0039BDC8FA77123
