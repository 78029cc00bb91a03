"""Models as they were saved, also at another image size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from timm.layers import resample_abs_pos_embed

from dermctl.checkpoint import Checkpoint, Description, read_checkpoint
from dermctl.errors import CheckpointError, ConfigError
from dermctl.models.encoder import build_encoder
from dermctl.models.heads import Classifier
from dermctl.models.restore import ImageClassifier, restore_classifier, restore_encoder
from tests.conftest import Trained


def checkpoint(encoder: str, size: int, classes: tuple[str, ...] = ()) -> Checkpoint:
    """A checkpoint of a model at random initialisation, as if it had been read."""
    torch.manual_seed(0)
    model = build_encoder(encoder, size)
    state = {f"encoder.{key}": value for key, value in model.state_dict().items()}
    head = Classifier(model.num_features, max(1, len(classes)))
    state |= {f"classifier.{key}": value for key, value in head.state_dict().items()}
    about = Description(
        kind="pretrain",
        encoder=encoder,
        image_size=size,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        crop_pct=1.0,
        interpolation="bicubic",
        crop_mode="center",
        store_size=256,
        classes=classes,
    )
    return Checkpoint(Path("x.ckpt"), about, state)


def test_the_encoder_comes_back_weight_by_weight() -> None:
    read = checkpoint("vit_tiny_patch16_224", 32)
    for key, value in restore_encoder(read).state_dict().items():
        assert torch.equal(value, read.state[f"encoder.{key}"]), key


def test_at_another_size_the_position_embedding_is_resampled() -> None:
    read = checkpoint("vit_tiny_patch16_224", 32)
    larger = restore_encoder(read, image_size=64)
    old = read.state["encoder.pos_embed"]
    assert old.shape == (1, 1 + 2 * 2, 192)
    wanted = resample_abs_pos_embed(old, new_size=[4, 4], old_size=[2, 2], num_prefix_tokens=1)
    assert torch.allclose(larger.state_dict()["pos_embed"], wanted)
    with torch.no_grad():
        assert larger.eval()(torch.rand(1, 3, 64, 64)).shape == (1, 192)


def test_what_was_saved_at_the_new_size_restores_at_it() -> None:
    read = checkpoint("vit_tiny_patch16_224", 32)
    larger = restore_encoder(read, image_size=64)
    state = {f"encoder.{key}": value for key, value in larger.state_dict().items()}
    again = restore_encoder(
        Checkpoint(read.path, replace(read.about, image_size=64), state), image_size=64
    )
    assert torch.equal(again.state_dict()["pos_embed"], larger.state_dict()["pos_embed"])


@pytest.mark.parametrize(
    ("encoder", "sizes"),
    [
        ("swin_tiny_patch4_window7_224", (64, 96)),
        ("swin_tiny_patch4_window7_224", (96, 64)),
        ("swinv2_cr_tiny_ns_224", (64, 128)),
        ("xcit_nano_12_p16_224", (32, 48)),
    ],
)
def test_at_another_size_it_is_built_as_its_own_checkpoints_are(
    encoder: str, sizes: tuple[int, int]
) -> None:
    own, new = sizes
    resized = restore_encoder(checkpoint(encoder, own), image_size=new)
    state = {f"encoder.{key}": value for key, value in resized.state_dict().items()}
    about = replace(checkpoint(encoder, own).about, image_size=new)
    again = restore_encoder(Checkpoint(Path("last.ckpt"), about, state))
    images = torch.rand(2, 3, new, new)
    with torch.no_grad():
        assert torch.equal(again.eval()(images), resized.eval()(images))


def test_a_convolutional_encoder_takes_any_size() -> None:
    read = checkpoint("resnet18", 32)
    encoder = restore_encoder(read, image_size=48).eval()
    with torch.no_grad():
        assert encoder(torch.rand(1, 3, 48, 48)).shape == (1, 512)


@pytest.mark.parametrize(
    ("encoder", "size"),
    [("vit_tiny_patch16_224", 40), ("mixer_s32_224", 64)],
    ids=["no multiple of its patches", "cannot be resized"],
)
def test_a_size_that_the_encoder_refuses(encoder: str, size: int) -> None:
    own = 32 if encoder.startswith("vit") else 224
    with pytest.raises(ConfigError, match=f"{size} px"):
        restore_encoder(checkpoint(encoder, own), image_size=size)


def test_a_fine_tuned_model_gives_the_same_logits(trained: Trained) -> None:
    read = read_checkpoint(trained.finetuned.checkpoint)
    model = restore_classifier(read)
    assert isinstance(model, ImageClassifier)
    assert not model.training
    images = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        embeddings = restore_encoder(read).eval()(images)
        weight, bias = read.state["classifier.weight"], read.state["classifier.bias"]
        assert torch.allclose(model(images), embeddings @ weight.T + bias, atol=1e-5)


def test_an_encoder_alone_is_no_classifier(trained: Trained) -> None:
    path = trained.pretrained.checkpoint
    with pytest.raises(CheckpointError, match="no classifier") as caught:
        restore_classifier(read_checkpoint(path))
    assert f"dermctl finetune --from {path}" in str(caught.value)


def test_weights_of_another_encoder_are_refused() -> None:
    read = checkpoint("resnet18", 32)
    wrong = Checkpoint(read.path, replace(read.about, encoder="resnet10t"), read.state)
    with pytest.raises(CheckpointError, match="do not fit the encoder"):
        restore_encoder(wrong)


def test_a_classifier_of_other_classes_is_refused() -> None:
    read = checkpoint("resnet18", 32, classes=("a", "b", "c"))
    wrong = Checkpoint(read.path, replace(read.about, classes=("a", "b")), read.state)
    with pytest.raises(CheckpointError, match=r"weight is \(3, 512\), not \(2, 512\)"):
        restore_classifier(wrong)
