"""The evaluation transform is timm's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from timm.models import get_pretrained_cfg, list_models

from dermctl.errors import ConfigError
from dermctl.views.encoded import EncodedImage
from dermctl.views.evaluation import EvaluationTransform, evaluation_transform
from dermctl.views.normalization import to_float
from tests.views.pictures import picture

ENCODERS = ["vit_small_patch16_224", "resnet50", "vit_small_patch14_dinov2", "convnext_tiny"]


def timms(image: Image.Image, encoder: str, size: int) -> torch.Tensor:
    published = get_pretrained_cfg(encoder)
    transform = create_transform(
        (3, size, size), is_training=False, crop_pct=published.crop_pct,
        interpolation=published.interpolation, mean=published.mean, std=published.std,
        crop_mode=published.crop_mode,
    )  # fmt: skip
    return transform(image)


def ours(pixels: np.ndarray, encoder: str, size: int) -> torch.Tensor:
    published = get_pretrained_cfg(encoder)
    view = torch.from_numpy(evaluation_transform(encoder, size)(pixels).copy())
    return to_float(view, published.mean, published.std)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("shape", [(341, 256), (256, 300), (100, 100), (517, 389), (90, 400)])
def test_equal_to_timms(encoder, shape):
    pixels = picture(*shape)
    theirs = timms(Image.fromarray(pixels), encoder, 224)
    assert torch.allclose(ours(pixels, encoder, 224), theirs, atol=1e-5)


@pytest.mark.parametrize("shape", [(341, 256), (256, 301)])
def test_an_image_smaller_than_its_crop_lies_where_timms_does(shape):
    encoder = "volo_d4_448"  # crop_pct 1.15: 389 pixels amid 448
    pixels = picture(*shape)
    theirs = timms(Image.fromarray(pixels), encoder, 448)
    assert torch.allclose(ours(pixels, encoder, 448), theirs, atol=1e-5)


@pytest.mark.parametrize("shape", [(341, 256), (256, 301), (448, 448), (3, 900)])
def test_a_border_lies_where_timms_does(shape):
    encoder = "deepseek_vit_412m.deepseek_v4_1_flash"
    pixels = picture(*shape)
    theirs = timms(Image.fromarray(pixels), encoder, 448)
    assert torch.allclose(ours(pixels, encoder, 448), theirs, atol=1e-5)


def test_every_transform_that_timm_publishes_is_taken():
    pixels = picture(200, 150)
    for encoder in _published_transforms().values():
        theirs = timms(Image.fromarray(pixels), encoder, 64)
        assert torch.allclose(ours(pixels, encoder, 64), theirs, atol=1e-5), encoder


def _published_transforms() -> dict[tuple[object, ...], str]:
    """Each kind of evaluation that timm publishes -> a model of it."""
    found: dict[tuple[object, ...], str] = {}
    for encoder in list_models(pretrained=True):
        cfg = get_pretrained_cfg(encoder)
        kind = (cfg.crop_pct, cfg.interpolation, cfg.crop_mode)
        found.setdefault(kind, encoder)
    return found


@pytest.mark.real_data
@pytest.mark.parametrize("size", [224, 96])
def test_equal_to_timms_on_real_files(real_data: Path, size):
    for file in sorted((real_data / "ham10000" / "images").glob("*.jpg"))[::2000]:
        pixels = EncodedImage(file.read_bytes()).pixels(exact=True)
        theirs = timms(Image.open(file).convert("RGB"), "resnet50", size)
        assert torch.allclose(ours(pixels, "resnet50", size), theirs, atol=1e-5)


def test_squashing_loses_nothing():
    pixels = picture(200, 100)
    squashed = EvaluationTransform(50, crop_pct=1.0, crop_mode="squash")(pixels)
    theirs = Image.fromarray(pixels).resize((50, 50), Image.Resampling.BILINEAR)
    assert np.array_equal(squashed, np.asarray(theirs))


def test_a_models_own_size_is_the_default():
    assert evaluation_transform("vit_small_patch14_dinov2").size == 518
    assert evaluation_transform("of_no_such_name").size == 224


def test_what_is_not_offered_is_refused():
    with pytest.raises(ConfigError, match="interpolation 'box'"):
        EvaluationTransform(interpolation="box")
    with pytest.raises(ConfigError, match="crop mode 'wrap'"):
        EvaluationTransform(crop_mode="wrap")
