"""Verification: known arrangements are recovered, others refused."""

from __future__ import annotations

import numpy as np
import pytest

from dermctl.datasets.near_duplicates.codes import mirrored
from dermctl.datasets.near_duplicates.describe import Description
from dermctl.datasets.near_duplicates.verify import MIN_MATCHES, verify


def scatter(n: int, seed: int) -> Description:
    rng = np.random.default_rng(seed)
    points = np.column_stack(
        [rng.uniform(-0.4, 0.4, (n, 2)), rng.uniform(-5, -3, n), rng.uniform(0, 2 * np.pi, n)]
    )
    return Description(points.astype(np.float16), rng.integers(0, 2**32, (n, 8), dtype=np.uint32))


def move(one: Description, scale: float, turn: float, mirror: bool, jitter: float = 0.002):
    """The same keypoints, mirrored, turned by degrees, scaled, shifted, with noise."""
    rng = np.random.default_rng(99)
    x, y, size, direction = one.points.astype(np.float64).T
    if mirror:
        x, direction = -x, np.pi - direction
    place = scale * np.exp(1j * np.deg2rad(turn)) * (x + 1j * y) + 0.03 - 0.02j
    place += jitter * (rng.standard_normal(len(x)) + 1j * rng.standard_normal(len(x)))
    direction = (direction + np.deg2rad(turn)) % (2 * np.pi)
    points = np.column_stack([place.real, place.imag, size + np.log2(scale), direction])
    codes = mirrored(one.codes) if mirror else one.codes.copy()
    codes ^= (rng.random(codes.shape) < 0.5).astype(np.uint32) << np.uint32(7)
    return Description(points.astype(np.float16), codes)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("scale", "turn"), [(1, 0), (0.5, 33), (1.9, -120), (1.1, 180)])
def test_a_similarity_is_recovered(scale, turn, mirror):
    one = scatter(40, 0)
    found = verify(one, move(one, scale, turn, mirror), mirror=mirror)
    assert found is not None
    assert found.matches >= 35
    assert found.mirrored is mirror
    assert found.scale == pytest.approx(scale, rel=0.02)
    assert np.cos(np.deg2rad(found.turn - turn)) > 0.999
    assert found.residual < 0.005


def test_matches_count_once_for_each_place():
    one = scatter(MIN_MATCHES - 1, 1)
    many = Description(np.repeat(one.points, 5, axis=0), np.repeat(one.codes, 5, axis=0))
    assert verify(many, many) is None


def test_one_keypoint_less_is_too_few():
    one = scatter(MIN_MATCHES, 2)
    assert verify(one, one) is not None
    less = Description(one.points[1:], one.codes[1:])
    assert verify(less, less) is None
    assert verify(one, less) is None


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_scales_beyond_belief_are_refused(scale):
    one = scatter(40, 3)
    assert verify(one, move(one, scale, 0, mirror=False)) is None


def test_the_same_keypoints_in_another_arrangement_are_refused():
    one = scatter(60, 4)
    order = np.random.default_rng(0).permutation(60)
    assert verify(one, Description(one.points[order], one.codes)) is None


def test_other_keypoints_in_the_same_arrangement_are_refused():
    one, other = scatter(60, 5), scatter(60, 6)
    assert verify(one, Description(one.points, other.codes)) is None


def test_a_mirror_image_is_found_only_as_one():
    one = scatter(40, 7)
    assert verify(one, move(one, 1, 0, mirror=True), mirror=False) is None


def test_stray_matches_do_not_bend_the_alignment():
    one = scatter(60, 8)
    other = move(one, 1, 10, mirror=False)
    points = other.points.copy()
    points[:25] = scatter(25, 9).points
    found = verify(one, Description(points, other.codes))
    assert found is not None
    assert 30 <= found.matches <= 38
    assert found.turn == pytest.approx(10, abs=0.5)
