"""Codes: they follow the angle between vectors, and mirror with the picture."""

from __future__ import annotations

import cv2
import numpy as np

from dermctl.datasets.near_duplicates.codes import (
    CODE_BITS,
    _mean,
    _rotation,
    distances,
    encode,
    mirrored,
)
from tests.datasets.near_duplicates.pictures import draw


def sift_vectors(picture, keypoints):
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return cv2.SIFT.create().compute(luma, keypoints)[1]


def test_distances_count_differing_bits():
    rng = np.random.default_rng(0)
    ones, others = (rng.integers(0, 2**32, (n, 8), dtype=np.uint32) for n in (3, 4))
    slow = [
        [sum(int(a ^ b).bit_count() for a, b in zip(x, y, strict=True)) for y in others.tolist()]
        for x in ones.tolist()
    ]
    assert distances(ones, others).tolist() == slow


def test_the_rotation_keeps_lengths_and_angles():
    np.testing.assert_allclose(_rotation() @ _rotation().T, np.eye(128), atol=1e-5)


def test_the_share_of_differing_bits_is_the_angle_between_centred_root_vectors():
    # Each bit of a half differs with probability angle / pi (Goemans & Williamson 1995).
    rng = np.random.default_rng(0)
    start = rng.gamma(0.5, size=(2000, 128)).astype(np.float32)
    moved = (start * rng.uniform(0.3, 1.7, start.shape)).astype(np.float32)
    roots = [np.sqrt(v / v.sum(axis=1, keepdims=True)) - _mean() for v in (start, moved)]
    lengths = np.prod([np.linalg.norm(root, axis=1) for root in roots], axis=0)
    angle = np.arccos((roots[0] * roots[1]).sum(axis=1) / lengths)
    bits = np.bitwise_count(encode(start) ^ encode(moved)).sum(axis=1)
    assert abs(bits.mean() / CODE_BITS - angle.mean() / np.pi) < 0.005


def test_a_mirror_images_codes_are_the_mirrored_codes():
    picture = draw(1)
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    points = cv2.SIFT.create(nfeatures=80, contrastThreshold=0.005).detect(luma, None)
    width = picture.shape[1]
    flipped = [
        cv2.KeyPoint(
            width - 1 - p.pt[0], p.pt[1], p.size, (180 - p.angle) % 360, p.response, p.octave
        )
        for p in points
    ]
    codes = encode(sift_vectors(picture, points))
    of_mirror = encode(sift_vectors(np.ascontiguousarray(picture[:, ::-1]), flipped))
    differing = np.bitwise_count(mirrored(codes) ^ of_mirror).sum(axis=1)
    assert np.median(differing) < 12
    assert np.median(np.bitwise_count(codes ^ of_mirror).sum(axis=1)) > 60


def test_bits_of_real_keypoints_are_balanced():
    picture = draw(2, 600, 800)
    points = cv2.SIFT.create(nfeatures=1000, contrastThreshold=0.005).detect(picture, None)
    codes = encode(sift_vectors(picture, points))
    bits = np.unpackbits(codes.astype(">u4").view(np.uint8), axis=1)
    assert np.abs(bits.mean(axis=0) - 0.5).mean() < 0.15  # 0.3 without centring
