"""The blur is torchvision's, to a grey level."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms.v2.functional import gaussian_blur

from dermctl.views.blur import INVISIBLE_SIGMA, gaussian_kernels, largest_radius, trimmed
from tests.views.pictures import picture


def test_the_kernels_side_is_a_tenth_of_the_view_or_three_sigmas():
    assert largest_radius(224, 0.1, 100.0) == 11  # SimCLR's 23 taps at 224 pixels
    assert largest_radius(224, 0.1, 2.0) == 6
    assert largest_radius(32, 0.1, 2.0) == 1
    assert largest_radius(8, 0.1, 2.0) == 1


@pytest.mark.parametrize("sigma", [0.3, 0.7, 1.0, 1.5, 2.0])
def test_within_a_level_of_torchvision(sigma):
    pixels = picture(64, 64)
    kernel = trimmed(gaussian_kernels([sigma], largest_radius(224, 0.1, 2.0))[0])
    ours = cv2.sepFilter2D(pixels, -1, kernel, kernel)
    theirs = gaussian_blur(
        torch.from_numpy(pixels).permute(2, 0, 1).double(), [23, 23], [sigma, sigma]
    ).permute(1, 2, 0)
    assert np.abs(ours - theirs.numpy()).max() <= 1.0


def test_weights_are_the_gaussian():
    kernel = gaussian_kernels([1.5], 5)[0]
    away = np.arange(-5, 6)
    expected = np.exp(-(away**2) / (2 * 1.5**2))
    assert np.allclose(kernel, expected / expected.sum(), atol=1e-7)


def test_what_would_not_be_seen_does_nothing():
    identity = [0, 0, 1, 0, 0]
    assert gaussian_kernels([0.0, INVISIBLE_SIGMA], 2).tolist() == [identity, identity]


def test_trimming_takes_only_zeros_away():
    for kernel in gaussian_kernels([0.3, 0.5, 1.1, 2.0], 6):
        short = trimmed(kernel)
        assert len(short) % 2 == 1
        assert (short > 0).all()
        assert short.sum() == kernel.sum()


def test_a_small_view_limits_the_kernel():
    assert gaussian_kernels([2.0], 1).shape == (1, 3)
    assert gaussian_kernels([2.0], 1).sum() == pytest.approx(1)
