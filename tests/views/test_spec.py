"""A spec refuses what cannot be, all at once, and reads plain values."""

from __future__ import annotations

import pytest

from dermctl.errors import ConfigError
from dermctl.views.presets import DERM, PRESETS, SIMCLR, preset
from dermctl.views.spec import AugmentationSpec


def test_simclr_is_the_papers():
    # arXiv 2002.05709, appendix A, with colour strength 1.0.
    assert (SIMCLR.crop_scale, SIMCLR.crop_ratio) == ((0.08, 1.0), (3 / 4, 4 / 3))
    assert (SIMCLR.horizontal_flip, SIMCLR.vertical_flip, SIMCLR.quarter_turn) == (0.5, 0, 0)
    assert (SIMCLR.jitter, SIMCLR.greyscale, SIMCLR.blur) == (0.8, 0.2, 0.5)
    assert (SIMCLR.brightness, SIMCLR.contrast, SIMCLR.saturation) == (0.8, 0.8, 0.8)
    assert SIMCLR.hue == 0.2
    assert (SIMCLR.blur_sigma, SIMCLR.blur_kernel) == ((0.1, 2.0), 0.1)


def test_the_derm_preset_turns_freely_and_keeps_colours():
    assert (DERM.horizontal_flip, DERM.vertical_flip, DERM.quarter_turn) == (0.5, 0.5, 0.5)
    assert DERM.hue < SIMCLR.hue


def test_all_faults_are_listed_at_once():
    with pytest.raises(ConfigError) as raised:
        AugmentationSpec(blur=1.5, hue=0.7, crop_scale=(0.5, 0.2), brightness=-1, crop_ratio=(0, 1))
    for name in ("blur", "hue", "crop_scale", "brightness", "crop_ratio"):
        assert name in str(raised.value)


def test_nan_is_no_probability():
    with pytest.raises(ConfigError, match="jitter"):
        AugmentationSpec(jitter=float("nan"))


def test_plain_values_override_a_base():
    spec = AugmentationSpec.from_dict({"hue": 0, "crop_scale": [0.3, 1]}, base=DERM)
    assert spec.hue == 0.0
    assert spec.crop_scale == (0.3, 1.0)
    assert spec.vertical_flip == DERM.vertical_flip


def test_unknown_names_and_wrong_kinds_are_listed_at_once():
    values = {"brightnes": 0.4, "blur": "often", "crop_scale": 0.5, "jitter": True}
    with pytest.raises(ConfigError) as raised:
        AugmentationSpec.from_dict(values)
    assert "did you mean 'brightness'" in str(raised.value)
    for name in ("blur must be a number", "crop_scale must be two", "jitter must be a number"):
        assert name in str(raised.value)


def test_presets_go_by_name():
    assert preset("derm") is PRESETS["derm"]
    with pytest.raises(
        ConfigError, match=r"did you mean 'simclr'.*simclr, derm, supervised, clinical"
    ):
        preset("simcrl")
