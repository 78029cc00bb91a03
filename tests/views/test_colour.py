"""The fused matrix is torchvision's sequence of operations where nothing is clipped on the way."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as tv
from PIL import Image

from dermctl.views.colour import GREY, fused_matrices, hue_matrices, with_means
from dermctl.views.draws import image_keys
from dermctl.views.parameters import sample
from dermctl.views.presets import SIMCLR
from tests.views.pictures import picture

ORDERS = list(permutations(range(4)))


def torchvision_sequence(pixels, order, factors, *, grey=False):
    """The operations one by one in floating point, [H, W, 3] in 0..255."""
    image = torch.from_numpy(pixels / 255).permute(2, 0, 1)
    steps = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)
    for operation in order:
        image = steps[operation](image, factors[operation])
    if grey:
        image = tv.rgb_to_grayscale(image, 3)
    return image.permute(1, 2, 0).numpy() * 255


def fused(pixels, order, factors, *, grey=False):
    matrices = fused_matrices(np.array([order]), np.array([factors], float), np.array([grey]))
    matrix = with_means(matrices[0], pixels.mean((0, 1)))
    return pixels @ matrix[:, :3].T + matrix[:, 3]


def mild_picture():
    """Values within 100..155: the factors below clip none of them."""
    return 100 + picture(40, 30).astype(float) * (55 / 255)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_equal_to_torchvision_where_nothing_is_clipped(order, grey):
    pixels, factors = mild_picture(), (1.2, 0.7, 1.4, 0.0)
    theirs = torchvision_sequence(pixels, order, factors, grey=grey)
    # torchvision's weights of grey have four digits and sum to 0.9999.
    assert np.abs(fused(pixels, order, factors, grey=grey) - theirs).max() < 0.05


def test_each_operation_alone_is_torchvisions():
    pixels = mild_picture()
    for operation, factor in ((0, 1.3), (1, 0.4), (1, 1.6), (2, 0.2), (2, 1.9)):
        factors = [1.0, 1.0, 1.0, 0.0]
        factors[operation] = factor
        theirs = torchvision_sequence(pixels, [operation], factors)
        assert np.abs(fused(pixels, (0, 1, 2, 3), factors) - theirs).max() < 0.03


def test_hue_keeps_grey_and_luma():
    matrices = hue_matrices(np.array([-0.2, 0.05, 0.5]))
    assert np.allclose(matrices @ np.ones(3), 1)
    assert np.allclose(GREY @ matrices, GREY)


def test_hue_turns_add_up():
    quarter, half, whole = hue_matrices(np.array([0.25, 0.5, 1.0]))
    assert np.allclose(quarter @ quarter, half)
    assert np.allclose(whole, np.eye(3))


@pytest.mark.parametrize("turn", [-0.1, -0.03, 0.03, 0.1])
def test_hue_turns_the_way_of_torchvision(turn):
    pixels = mild_picture()
    theirs = torchvision_sequence(pixels, [3], (1, 1, 1, turn))
    right = np.abs(fused(pixels, (0, 1, 2, 3), (1, 1, 1, turn)) - theirs).mean()
    wrong = np.abs(fused(pixels, (0, 1, 2, 3), (1, 1, 1, -turn)) - theirs).mean()
    assert right < 0.5 * wrong


def test_grey_comes_last():
    grey = fused(mild_picture(), (3, 2, 1, 0), (1.1, 0.9, 1.5, 0.2), grey=True)
    assert np.allclose(grey, grey[..., :1])


@pytest.mark.real_data
def test_differences_by_clipping_are_as_documented(real_data: Path):
    files = sorted((real_data / "ham10000" / "images").glob("*.jpg"))[::200]
    drawn = sample(
        SIMCLR, np.full((len(files), 2), 256), image_keys(map(str, files)),
        seed=0, epoch=0, views=1,
    )  # fmt: skip
    drawn.factors[:, 3] = 0
    small, large = [], []
    for file, order, factors in zip(files, drawn.order, drawn.factors, strict=True):
        pixels = np.asarray(Image.open(file), float)
        ours = np.clip(fused(pixels, tuple(order), factors), 0, 255)
        apart = np.abs(ours - torchvision_sequence(pixels, order.tolist(), factors.tolist()))
        small.append((apart <= 0.5).mean())
        large.append((apart > 10).mean())
    assert np.mean(small) > 0.7
    assert np.mean(large) < 0.1
