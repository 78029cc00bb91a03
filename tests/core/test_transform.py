"""What a checkpoint says of its images' preparation, and that evaluation follows it."""

from __future__ import annotations

import numpy as np
import pytest
import timm
from PIL import Image
from timm.data import create_transform, resolve_data_config

from dermctl.checkpoint import read_checkpoint
from dermctl.core.transform import preprocessing, transform_of
from tests.conftest import Trained
from tests.made import pixels


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "convnext_atto", "resnet18"])
def test_the_crop_is_timms_for_the_encoder(name: str) -> None:
    wanted = resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    found = preprocessing(name)
    assert found["crop_pct"] == wanted["crop_pct"]
    assert found["interpolation"] == wanted["interpolation"]
    assert found["crop_mode"] == wanted["crop_mode"]
    assert found["mean"] == (0.485, 0.456, 0.406), "trained from scratch: ImageNet's, not 0.5"


def test_a_checkpoint_is_evaluated_as_it_says(trained: Trained) -> None:
    about = read_checkpoint(trained.finetuned.checkpoint).about
    image = Image.fromarray(pixels(0, 70)).resize((90, 70))
    theirs = create_transform(
        (3, about.image_size, about.image_size),
        crop_pct=about.crop_pct,
        interpolation=about.interpolation,
        crop_mode=about.crop_mode,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
    )
    wanted = (theirs(image) * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)
    assert np.array_equal(transform_of(about)(np.asarray(image)), wanted)
