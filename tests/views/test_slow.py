"""Any torchvision transform by name, with the randomness of the other paths."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import yaml
from torchvision.transforms import v2
from torchvision.tv_tensors import Image

from dermctl.errors import ConfigError
from dermctl.views.batches import Batch
from dermctl.views.slow import SlowViewsDataset, build_transforms, try_transforms
from tests.views.pictures import stored

STEPS = yaml.safe_load("""
- RandomResizedCrop: {size: 32, scale: [0.2, 1.0]}
- RandomHorizontalFlip
- RandomApply:
    p: 0.5
    transforms:
      - ElasticTransform: {alpha: 20.0}
- RandomSolarize: {threshold: 128, p: 0.2}
""")


@pytest.fixture
def images(tmp_path):
    return stored(tmp_path, [(60, 50), (50, 60), (70, 70)])


def test_steps_become_torchvisions_transforms():
    made = build_transforms(STEPS).transforms
    assert [type(step) for step in made] == [
        v2.RandomResizedCrop, v2.RandomHorizontalFlip, v2.RandomApply, v2.RandomSolarize
    ]  # fmt: skip
    assert made[0].scale == (0.2, 1.0) or made[0].scale == [0.2, 1.0]
    assert isinstance(made[2].transforms[0], v2.ElasticTransform)


def test_views_depend_on_image_seed_and_epoch_only(images):
    dataset = SlowViewsDataset(images, build_transforms(STEPS), 32)
    batch = dataset.__getitems__(Batch(1, [2, 0]))
    assert batch["views"].shape == (2, 2, 32, 32, 3)
    assert batch["views"].dtype == torch.uint8
    torch.manual_seed(99)
    again = dataset.__getitems__(Batch(1, [0]))
    assert torch.equal(again["views"][:, 0], batch["views"][:, 1])
    other = dataset.__getitems__(Batch(2, [0]))
    assert not torch.equal(again["views"], other["views"])


def test_the_trainings_own_randomness_is_left_alone(images):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    SlowViewsDataset(images, build_transforms(STEPS), 32).__getitems__(Batch(0, [0]))
    assert torch.equal(torch.rand(3), expected)


def test_floating_results_come_back_to_bytes(images):
    plain = build_transforms([{"CenterCrop": {"size": 32}}])
    scaled = v2.Compose([plain, v2.ToDtype(torch.float32, scale=True)])
    expected = SlowViewsDataset(images, plain, 32, count=1).__getitems__(Batch(0, [1]))["views"]
    made = SlowViewsDataset(images, scaled, 32, count=1).__getitems__(Batch(0, [1]))["views"]
    assert (made.int() - expected.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["RandomHorizontalFlop"], "did you mean 'RandomHorizontalFlip'"),
        (["functional"], "no transform 'functional'"),
        ([{"GaussianBlur": {"kernel": 3}}], "GaussianBlur cannot be made"),
        ([{"GaussianBlur": [3]}], "need names"),
        ([{"Resize": {}, "CenterCrop": {}}], "a name with its arguments"),
        ([7], "a name, or"),
    ],
)
def test_faults_are_explained(steps, message):
    with pytest.raises(ConfigError, match=message):
        build_transforms(steps)


def test_views_of_a_wrong_size_are_refused(images):
    dataset = SlowViewsDataset(images, build_transforms(["RandomHorizontalFlip"]), 32)
    with pytest.raises(ConfigError, match="RandomResizedCrop"):
        dataset.__getitems__(Batch(0, [0]))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["Lambda"], "Lambda cannot be asked for"),
        (["CutMix"], "CutMix cannot be asked for"),
        (["Transform"], "Transform cannot be asked for"),
        ([{"AutoAugment": {"policy": "imagnet"}}], "AutoAugment cannot be made: 'imagnet'"),
        ([{"ToDtype": {"dtype": "float23"}}], "ToDtype cannot be made"),
    ],
)
def test_what_no_image_can_be_given_to_is_refused_at_once(steps, message):
    with pytest.raises(ConfigError, match=message):
        build_transforms(steps)


CROP = {"CenterCrop": {"size": 32}}
FLOATS = {"ToDtype": {"dtype": "float32", "scale": True}}
NORMALIZE = {"Normalize": {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}}


@pytest.mark.parametrize(
    "steps",
    [
        [CROP, FLOATS],
        [CROP, {"ToDtype": {"dtype": "torch.float32", "scale": True}}],
        [CROP, {"AutoAugment": {"policy": "imagenet"}}],
        [{"Resize": {"size": 40, "interpolation": 3}}, CROP],
        [CROP, "TrivialAugmentWide"],
    ],
)
def test_words_of_yaml_become_arguments(steps):
    try_transforms(steps, 32, 64)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([CROP, FLOATS, NORMALIZE], r"from -2\.\d+ to 2\.\d+, not from 0 to 1.*Leave Normalize"),
        ([CROP, {"ToDtype": {"dtype": "float32"}}], "to 255.00, not from 0 to 1"),
        ([CROP, "ToPILImage"], "yield a Image, not a tensor.*ToImage"),
        ([CROP, "Grayscale"], r"yield \[1, 32, 32\].*num_output_channels: 3"),
        (["RandomHorizontalFlip"], r"yield \[3, 64, 85\].*RandomResizedCrop: {size: 32}"),
        ([{"RandomCrop": {"size": 99}}], "cannot be applied to an image"),
    ],
)
def test_a_fault_is_found_on_one_picture(steps, message):
    with pytest.raises(ConfigError) as caught:
        try_transforms(steps, 32, 64)
    assert re.search(message, str(caught.value))


def test_floats_a_little_beyond_are_pixels():
    sharp = [FLOATS, {"Resize": {"size": 32, "interpolation": 3}}, CROP]
    noise = np.random.default_rng(1).integers(0, 2, (20, 30, 3)).astype(np.uint8) * 255
    made = build_transforms(sharp)(Image(torch.from_numpy(noise).permute(2, 0, 1)))
    assert made.max() > 1.02  # bicubic resizing overshoots
    try_transforms(sharp, 32, 64)
