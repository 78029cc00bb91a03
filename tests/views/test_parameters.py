"""Parameters are drawn as torchvision draws them, and lie where they may."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torchvision.transforms import ColorJitter, RandomResizedCrop

from dermctl.views.colour import BRIGHTNESS, CONTRAST, HUE, SATURATION
from dermctl.views.draws import image_keys
from dermctl.views.parameters import ParameterBatch, sample
from dermctl.views.presets import DERM, SIMCLR
from dermctl.views.spec import AugmentationSpec

N = 4000
UNLIKELY = 0.001  # a p-value below it speaks against equal distributions; seeds are fixed
KEYS = image_keys(map(str, range(N)))


def drawn(spec: AugmentationSpec, size: tuple[int, int] = (341, 256), n: int = N) -> ParameterBatch:
    return sample(spec, np.tile([size], (n, 1)), KEYS[:n], seed=0, epoch=0, views=1)


def same_distribution(ours: np.ndarray, theirs: np.ndarray) -> bool:
    return bool(stats.ks_2samp(ours, theirs).pvalue > UNLIKELY)


@pytest.mark.parametrize("size", [(341, 256), (256, 600)])
def test_crops_are_distributed_as_torchvisions(size):
    torch.manual_seed(1)
    image = torch.empty(3, size[1], size[0])
    theirs = np.array(
        [RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(N)]
    )
    top, left, height, width = theirs.T
    x, y, w, h = drawn(SIMCLR, size).box.T
    assert same_distribution(w * h, width * height)
    assert same_distribution(w / h, width / height)
    assert same_distribution(x, left)
    assert same_distribution(y, top)


def test_colour_factors_are_distributed_as_torchvisions():
    torch.manual_seed(2)
    jitter = ColorJitter(0.8, 0.8, 0.8, 0.2)
    theirs = [
        ColorJitter.get_params(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
        for _ in range(N)
    ]
    ours = drawn(replace(SIMCLR, jitter=1.0))
    for operation in (BRIGHTNESS, CONTRAST, SATURATION, HUE):
        factors = np.array([parameters[1 + operation] for parameters in theirs])
        assert same_distribution(ours.factors[:, operation], factors)


def test_factors_never_fall_below_zero():
    factors = drawn(replace(SIMCLR, brightness=1.5, jitter=1.0)).factors[:, BRIGHTNESS]
    assert 0 <= factors.min() < 0.05
    assert 2.4 < factors.max() <= 2.5


def test_all_orders_are_equally_likely():
    orders, counts = np.unique(drawn(SIMCLR).order, axis=0, return_counts=True)
    assert len(orders) == 24
    assert stats.chisquare(counts).pvalue > UNLIKELY


def test_things_happen_as_often_as_the_spec_says():
    parameters = drawn(replace(DERM, quarter_turn=0.3))
    for name, probability in {
        "horizontal_flip": 0.5,
        "vertical_flip": 0.5,
        "quarter_turn": 0.3,
        "jitter": 0.8,
        "greyscale": 0.2,
    }.items():
        times = int(getattr(parameters, name).sum())
        assert stats.binomtest(times, N, probability).pvalue > UNLIKELY, name
    assert stats.binomtest(int((parameters.sigma > 0).sum()), N, 0.5).pvalue > UNLIKELY


def test_the_blur_is_uniform_in_its_range():
    sigma = drawn(SIMCLR).sigma
    assert stats.kstest(sigma[sigma > 0], "uniform", args=(0.1, 1.9)).pvalue > UNLIKELY


def test_without_jitter_colours_stay():
    parameters = drawn(replace(SIMCLR, jitter=0.0, greyscale=0.0), n=20)
    identity = np.hstack([np.eye(3), np.zeros((3, 3))])
    assert np.allclose(parameters.colour(), identity, atol=1e-12)
    assert all(view.colour is None for view in parameters.views(SIMCLR, 224))


def test_views_say_the_same_as_the_batch():
    parameters = drawn(DERM, n=50)
    kernels = parameters.kernels(DERM, 224)
    for number, view in enumerate(parameters.views(DERM, 224)):
        assert view.box == tuple(parameters.box[number])
        assert view.quarter_turn == parameters.quarter_turn[number]
        changed = parameters.jitter[number] or parameters.greyscale[number]
        assert (view.colour is not None) == changed
        if view.kernel is not None:
            middle, reach = kernels.shape[1] // 2, len(view.kernel) // 2
            assert np.array_equal(view.kernel, kernels[number, middle - reach : middle + reach + 1])
            assert kernels[number].sum() == pytest.approx(view.kernel.sum())


def test_first_views_come_first():
    sizes = np.tile([[300, 256]], (10, 1))
    both = sample(SIMCLR, sizes, KEYS[:10], seed=0, epoch=0, views=2)
    first = sample(SIMCLR, sizes, KEYS[:10], seed=0, epoch=0, views=1)
    assert np.array_equal(both.box[:10], first.box)
    assert not np.array_equal(both.box[10:], first.box)


@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    low=st.floats(0.01, 1.0),
    epoch=st.integers(0, 1000),
)
def test_crops_lie_inside_their_image(width, height, low, epoch):
    spec = replace(SIMCLR, crop_scale=(low, 1.0))
    sizes = np.array([(width, height)])
    box = sample(spec, sizes, KEYS[:1], seed=0, epoch=epoch).box
    assert (box >= [0, 0, 1, 1]).all()
    assert (box[:, :2] + box[:, 2:] <= [width, height]).all()


@pytest.mark.parametrize("size", [(1000, 40), (40, 1000), (57, 60)])
def test_where_no_attempt_fits_the_largest_central_crop_is_taken(size):
    spec = replace(SIMCLR, crop_scale=(1.0, 1.0), crop_ratio=(0.9, 0.9 + 1e-9))
    image = torch.empty(3, size[1], size[0])
    torch.manual_seed(0)
    top, left, height, width = RandomResizedCrop.get_params(image, [1.0, 1.0], [0.9, 0.9 + 1e-9])
    assert drawn(spec, size, n=1).box.tolist() == [[left, top, width, height]]
