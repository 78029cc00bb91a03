"""What an encoder starts from: every key fits, positions are resampled, or the fault is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import nn

from dermctl.errors import CheckpointError, ConfigError
from dermctl.models import initial
from dermctl.models.encoder import build_encoder
from dermctl.models.initial import start_encoder
from tests.conftest import Trained

VIT = "vit_tiny_patch16_224"


def donor(name: str = VIT, **shape: object) -> nn.Module:
    """A whole timm model, with a classifier, that the weights come from."""
    torch.manual_seed(7)
    return timm.create_model(name, num_classes=5, **shape)


def without(state: dict[str, torch.Tensor], *prefixes: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in state.items() if not key.startswith(prefixes)}


@pytest.mark.parametrize(
    ("name", "shape", "head"),
    [(VIT, {"img_size": 32}, "head."), ("resnet10t", {}, "fc."), ("convnext_atto", {}, "head.fc.")],
)
def test_weights_of_a_file_without_their_classifier(
    tmp_path: Path, name: str, shape: dict[str, object], head: str
) -> None:
    state = donor(name, **shape).state_dict()
    save_file(state, tmp_path / "w.safetensors")
    start = start_encoder(name, 32, str(tmp_path / "w.safetensors"))
    assert start.foreign
    assert start.checkpoint is None
    loaded = start.encoder.state_dict()
    assert loaded.keys() == without(state, head).keys()
    for key, value in loaded.items():
        assert torch.equal(value, state[key]), key


def test_positions_are_resampled_to_the_image_size_asked_for(tmp_path: Path) -> None:
    state = donor(img_size=64).state_dict()
    save_file(state, tmp_path / "w.safetensors")
    encoder = start_encoder(VIT, 32, str(tmp_path / "w.safetensors")).encoder
    wanted = resample_abs_pos_embed(state["pos_embed"], new_size=[2, 2], num_prefix_tokens=1)
    assert torch.allclose(encoder.state_dict()["pos_embed"], wanted)
    with torch.no_grad():
        assert encoder.eval()(torch.rand(1, 3, 32, 32)).shape == (1, 192)


@pytest.mark.parametrize("wrap", ["state_dict", "model", "", "module."])
def test_torch_files_as_training_scripts_write_them(tmp_path: Path, wrap: str) -> None:
    state = donor("resnet10t").state_dict()
    if wrap.endswith("."):
        document: object = {f"{wrap}{key}": value for key, value in state.items()}
    else:
        document = {wrap: state, "epoch": 3} if wrap else state
    torch.save(document, tmp_path / "w.pth")
    loaded = start_encoder("resnet10t", 32, str(tmp_path / "w.pth")).encoder.state_dict()
    assert torch.equal(loaded["conv1.0.weight"], state["conv1.0.weight"])


def test_a_folder_as_the_hub_has_it(tmp_path: Path) -> None:
    save_file(donor("resnet10t").state_dict(), tmp_path / "model.safetensors")
    assert start_encoder("resnet10t", 32, str(tmp_path)).foreign


def test_what_does_not_match_is_named(tmp_path: Path) -> None:
    state = donor("resnet10t").state_dict()
    state["strange"] = torch.zeros(1)
    state["conv1.0.weight"] = torch.zeros(2, 2)
    del state["layer1.0.bn1.weight"]
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="do not fit the encoder") as caught:
        start_encoder("resnet10t", 32, str(tmp_path / "w.safetensors"))
    for fault in ("missing layer1.0.bn1.weight", "unknown strange", r"conv1.0.weight is (2, 2)"):
        assert fault in str(caught.value)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    save_file(donor("resnet10t").state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="missing cls_token"):
        start_encoder(VIT, 32, str(tmp_path / "w.safetensors"))


class Dangerous:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("false",)


def test_code_is_never_run_and_damage_is_said(tmp_path: Path) -> None:
    torch.save({"model": Dangerous()}, tmp_path / "code.pth")
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\x00")
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    for name, says in (("code.pth", "never run"), ("cut.safetensors", "damaged"),
                       ("cut.pth", "damaged"), ("empty.pth", "no weights")):  # fmt: skip
        with pytest.raises(CheckpointError, match=says):
            start_encoder("resnet10t", 32, str(tmp_path / name))
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        start_encoder("resnet10t", 32, str(tmp_path / "absent.pth"))


def test_a_checkpoint_of_ours_keeps_its_normalisation_and_its_record(trained: Trained) -> None:
    start = start_encoder(VIT, 48, str(trained.pretrained.checkpoint))
    assert start.checkpoint is not None
    assert not start.foreign
    assert start.mean == start.checkpoint.about.mean
    with pytest.raises(CheckpointError, match="--encoder vit_tiny_patch16_224"):
        start_encoder("resnet18", 32, str(trained.pretrained.checkpoint))


def test_imagenet_weights_bring_their_own_normalisation(monkeypatch: pytest.MonkeyPatch) -> None:
    state = donor(img_size=224).state_dict()
    asked: list[str] = []

    def hub(model: str, **_: object) -> dict[str, torch.Tensor]:
        asked.append(model)
        return dict(state)

    monkeypatch.setattr(initial, "load_state_dict_from_hf", hub)
    start = start_encoder(VIT, 32, "imagenet")
    assert asked == ["timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k"]
    assert start.foreign
    assert start.mean == start.std == (0.5, 0.5, 0.5)
    blocks = start.encoder.state_dict()
    assert torch.equal(blocks["blocks.0.mlp.fc1.weight"], state["blocks.0.mlp.fc1.weight"])
    start_encoder("vit_tiny_patch16_224.augreg_in21k", 32, "imagenet")
    assert asked[-1] == "timm/vit_tiny_patch16_224.augreg_in21k", "a tag chooses"


def test_without_a_network_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def hub(model: str, **_: object) -> dict[str, torch.Tensor]:
        raise ConnectionError("no route")

    monkeypatch.setattr(initial, "load_state_dict_from_hf", hub)
    with pytest.raises(CheckpointError, match="cannot be downloaded") as caught:
        start_encoder("resnet18", 32, "imagenet")
    assert "download timm/resnet18.a1_in1k" in str(caught.value)
    assert "--init FILE" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_architecture_without_pretrained_weights() -> None:
    with pytest.raises(CheckpointError, match="no pretrained weights for 'resnetblur18'") as caught:
        start_encoder("resnetblur18", 32, "imagenet")
    assert "Nearest that have some: resnetblur50" in str(caught.value)


def test_random_and_unknown() -> None:
    torch.manual_seed(0)
    start = start_encoder("resnet10t", 32)
    torch.manual_seed(0)
    again = build_encoder("resnet10t", 32)
    assert torch.equal(start.encoder.state_dict()["conv1.0.weight"], again.conv1[0].weight)
    assert not start.foreign
    with pytest.raises(ConfigError, match="timm knows no encoder"):
        start_encoder("resnet10x", 32)
