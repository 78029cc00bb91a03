"""What settings name is looked up before anything is done, with all that is wrong at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dermctl.config.trainings import FinetuneConfig, PretrainConfig
from dermctl.core.finetune import finetune
from dermctl.core.named import check_names, faults_of_names
from dermctl.core.pretrain import pretrain
from dermctl.errors import ConfigError, DermctlError
from dermctl.workspace import Workspace

WRONG = PretrainConfig(
    encoder="vit_tinny_patch16_224", loss="nt_xnt", optimizer="adamv", augmentation="simcrl"
)


def test_all_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        check_names(WRONG)
    for part in (
        "timm knows no encoder 'vit_tinny_patch16_224' (nearest: vit_tiny_patch16_224",
        "no loss is called 'nt_xnt' (Nearest: nt_xent",
        "timm knows no optimizer 'adamv' (Nearest: ",
        "there is no augmentation 'simcrl' (did you mean 'simclr'?)",
    ):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_single_fault_keeps_its_place_and_hint() -> None:
    with pytest.raises(ConfigError) as caught:
        check_names(FinetuneConfig(optimizer="adamv"))
    assert caught.value.where == "optimizer"
    assert str(caught.value.hint).startswith("Nearest: ")


def test_nothing_is_held_against_a_default_that_stands_for_a_bad_value() -> None:
    config = PretrainConfig(loss="ArcFaceLoss")  # wants labels, as simclr gives none
    assert "needs labels" in str(faults_of_names(config)[0])
    assert faults_of_names(config, bad=["method"]) == []
    (fault,) = faults_of_names(PretrainConfig(loss="nt_xnt"), bad=["method"])
    assert "nt_xnt" in str(fault)


def test_what_is_there_passes(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("{preset: derm, greyscale: 0}")
    check_names(PretrainConfig(augmentation=str(tmp_path / "own.yaml"), loss="NTXentLoss()"))
    check_names(FinetuneConfig())
    check_names(FinetuneConfig(encoder="resnet18"))


def test_trainings_say_it_before_they_look_for_data(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)  # empty
    with pytest.raises(ConfigError, match="augmentation 'simcrl'"):
        pretrain(workspace, WRONG)
    with pytest.raises(ConfigError, match="encoder 'resnet19'"):
        finetune(workspace, FinetuneConfig(encoder="resnet19"))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"image_size": 50}, "50 px is no multiple of the patch size"),
        ({"init": "nowhere.ckpt"}, "nowhere.ckpt"),
    ],
)
def test_so_is_what_the_encoder_cannot_start_from(
    tmp_path: Path, change: dict[str, Any], part: str
) -> None:
    config = PretrainConfig(encoder="test_vit", **change)
    with pytest.raises(DermctlError, match=part):
        pretrain(Workspace(tmp_path), config)
