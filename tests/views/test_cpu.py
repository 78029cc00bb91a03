"""One decoding, then crop, turn, colour, blur, in the paper's order."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torchvision.transforms.v2.functional import normalize

from dermctl.views.colour import with_means
from dermctl.views.cpu import make_view, make_views, normalised, turn, two_views
from dermctl.views.draws import image_keys
from dermctl.views.encoded import EncodedImage
from dermctl.views.normalization import IMAGENET_MEAN, IMAGENET_STD, to_float
from dermctl.views.parameters import ViewParameters, sample
from dermctl.views.presets import DERM, SIMCLR
from dermctl.views.resample import crop_resize
from tests.views.pictures import encoded, picture

PICTURE = picture(120, 90)
WHOLE = (0, 0, 120, 90)


def drawn(size, n=20, spec=SIMCLR, view_size=64):
    keys = image_keys(map(str, range(n)))
    parameters = sample(spec, np.tile([size], (n, 1)), keys, seed=0, epoch=0, views=1)
    return parameters.views(spec, view_size)


@pytest.mark.parametrize("left_right", [False, True])
@pytest.mark.parametrize("up_down", [False, True])
@pytest.mark.parametrize("quarter", [False, True])
def test_flips_come_before_the_quarter_turn(left_right, up_down, quarter):
    expected = PICTURE
    if left_right:
        expected = expected[:, ::-1]
    if up_down:
        expected = expected[::-1]
    if quarter:
        expected = np.rot90(expected)  # anticlockwise
    view = ViewParameters(WHOLE, left_right, up_down, quarter)
    assert np.array_equal(turn(PICTURE, view), expected)


def test_the_order_is_crop_turn_colour_blur():
    for view in drawn((120, 90), spec=DERM):
        expected = turn(crop_resize(PICTURE, view.box, 64), view)
        if view.colour is not None:
            matrix = with_means(view.colour, expected.reshape(-1, 3).mean(0))
            flat = expected.reshape(-1, 3) @ matrix[:, :3].T + matrix[:, 3]
            expected = np.clip(np.rint(flat), 0, 255).reshape(64, 64, 3).astype(np.uint8)
        if view.kernel is not None:
            expected = cv2.sepFilter2D(expected, -1, view.kernel, view.kernel)
        apart = np.abs(make_view(PICTURE, view, 64).astype(int) - expected)
        assert apart.max() <= 1


def test_a_view_is_written_where_it_is_asked_for():
    batch = np.zeros((3, 64, 64, 3), np.uint8)
    view = drawn((120, 90))[0]
    made = make_view(PICTURE, view, 64, batch[1])
    assert made is not None
    assert np.array_equal(batch[1], make_view(PICTURE, view, 64))
    assert not batch[0].any()
    assert not batch[2].any()


def test_the_picture_itself_is_not_changed():
    before = PICTURE.copy()
    for view in drawn((120, 90)):
        make_view(PICTURE, view, 64)
    assert np.array_equal(PICTURE, before)


def test_views_of_a_large_jpeg_are_the_same_picture_from_a_smaller_decoding():
    pixels = picture(1200, 900)
    image = EncodedImage(encoded(pixels, quality=95))
    plain = replace(SIMCLR, jitter=0.0, greyscale=0.0, blur=0.0, crop_scale=(0.3, 1.0))
    views = drawn((1200, 900), spec=plain)
    reduced = make_views(image, views, 64)
    for view, made in zip(views, reduced, strict=True):
        whole = make_view(pixels, view, 64)
        assert np.abs(made.astype(int) - whole).mean() < 4


def test_views_do_not_depend_on_rows_that_none_of_them_shows(tmp_path):
    data = encoded(picture(1203, 905), quality=95, comment=b"-" * 40_000)
    file = tmp_path / "large.jpg"
    file.write_bytes(data)
    upper = [view._replace(box=(*view.box[:2], 300, 200)) for view in drawn((700, 500))]
    for view in upper:
        for size in (20, 64, 224):
            made = make_views(EncodedImage.of_file(file), [view], size)
            assert np.array_equal(made, make_views(EncodedImage(data), [view], size))


def test_both_views_come_from_one_file():
    first, second = drawn((120, 90))[:2]
    made = two_views(encoded(PICTURE, "PNG"), first, second, 64)
    assert np.array_equal(made[0], make_view(PICTURE, first, 64))
    assert np.array_equal(made[1], make_view(PICTURE, second, 64))


def test_normalisation_is_torchvisions_on_either_side():
    view = make_view(PICTURE, drawn((120, 90))[3], 64)
    chw = torch.from_numpy(view).permute(2, 0, 1)
    expected = normalize(chw.float() / 255, list(IMAGENET_MEAN), list(IMAGENET_STD))
    assert np.allclose(normalised(view).transpose(2, 0, 1), expected, atol=1e-5)
    batch = to_float(torch.from_numpy(view)[None].repeat(2, 1, 1, 1))
    assert batch.shape == (2, 3, 64, 64)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(batch[1], expected, atol=1e-5)


def test_other_constants_are_used_when_given():
    view = make_view(PICTURE, drawn((120, 90))[3], 8)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = (view / 255 - mean) / std
    assert np.allclose(normalised(view, mean, std), expected, atol=1e-5)
    tensor = to_float(torch.from_numpy(view), torch.tensor(mean), torch.tensor(std))
    assert np.allclose(tensor.permute(1, 2, 0), expected, atol=1e-5)
