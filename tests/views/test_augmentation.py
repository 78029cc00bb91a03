"""Augmentations by name and out of files."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dermctl.errors import ConfigError
from dermctl.views.augmentation import read_augmentation
from dermctl.views.presets import DERM, SIMCLR
from dermctl.views.spec import AugmentationSpec


def test_a_presets_name():
    assert read_augmentation("simclr") is SIMCLR


def test_settings_by_name(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("preset: derm\nhue: 0\nblur_sigma: [0.1, 1]\n")
    made = read_augmentation(str(file))
    assert isinstance(made, AugmentationSpec)
    assert (made.hue, made.blur_sigma) == (0.0, (0.1, 1.0))
    assert made.quarter_turn == DERM.quarter_turn


def test_a_list_is_torchvisions(tmp_path):
    file = tmp_path / "mine.yml"
    file.write_text("- RandomHorizontalFlip\n- RandomRotation: {degrees: 20}\n")
    assert read_augmentation(str(file)) == [
        "RandomHorizontalFlip",
        {"RandomRotation": {"degrees": 20}},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hue: [", "no YAML"),
        ("just words", "settings by name"),
        ("blurr: 1", "did you mean 'blur'"),
    ],
)
def test_faults_are_explained(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_augmentation(str(file))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_augmentation(str(tmp_path / "none.yaml"))


def test_making_views_needs_no_torch():
    modules = "cpu, parameters, colour, images, presets, augmentation, normalization"
    code = f"import sys; from dermctl.views import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
