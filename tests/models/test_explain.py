"""Maps of what a model weighed: against the papers' own steps, taken slowly."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch import nn

from dermctl.errors import ConfigError
from dermctl.models.explain import (
    GRAD_CAM,
    ROLLOUT,
    attention_maps,
    attention_rollout,
    grad_cam,
    map_method,
    relevance_maps,
    rollout_map,
)
from dermctl.models.restore import ImageClassifier

CLASSES = 3


def classifier(name: str, **extra: object) -> ImageClassifier:
    torch.manual_seed(0)
    encoder = timm.create_model(name, pretrained=False, num_classes=0, **extra)
    return ImageClassifier(encoder, nn.Linear(encoder.num_features, CLASSES)).eval()


def tiny_vit(**extra: object) -> ImageClassifier:
    return classifier("test_vit", img_size=64, **extra)


def noise(side: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def softmaxed(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def slow_attention(block: nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """The mean over heads of softmax(q kᵀ / √d), head by head, of one image's tokens [N, D]."""
    attention = block.attn
    with torch.no_grad():
        projected = attention.qkv(block.norm1(tokens)).double().numpy()
    width = projected.shape[1] // 3
    each = width // attention.num_heads
    heads = []
    for head in range(attention.num_heads):
        columns = slice(head * each, (head + 1) * each)
        q, k = projected[:, :width][:, columns], projected[:, width : 2 * width][:, columns]
        heads.append(softmaxed(q @ k.T / np.sqrt(each)))
    return np.mean(heads, axis=0)


def slow_rollout(encoder: nn.Module, image: torch.Tensor) -> np.ndarray:
    """The paper's loop: Ã(1) = A(1), Ã(i) = A(i) Ã(i-1), with A = (W + I) / 2."""
    with torch.no_grad():
        tokens = encoder.norm_pre(encoder._pos_embed(encoder.patch_embed(image[None])))
    rolled = None
    for block in encoder.blocks:
        weights = slow_attention(block, tokens[0])
        own = 0.5 * weights + 0.5 * np.eye(len(weights))
        rolled = own if rolled is None else own @ rolled
        with torch.no_grad():
            tokens = block(tokens)
    return rolled


def test_rollout_is_the_papers_loop() -> None:
    encoder, images = tiny_vit().encoder, noise(64)
    found = attention_rollout(attention_maps(encoder, images)).numpy()
    assert found.shape == (2, 17, 17)
    for ours, image in zip(found, images, strict=True):
        np.testing.assert_allclose(ours, slow_rollout(encoder, image), atol=1e-6)


def test_rows_of_attention_and_rollout_sum_to_one() -> None:
    attention = attention_maps(tiny_vit().encoder, noise(64))
    assert len(attention) == 6
    for each in (*attention, attention_rollout(attention)):
        torch.testing.assert_close(each.sum(2), torch.ones(2, 17))


def test_reading_attention_changes_nothing_of_the_model() -> None:
    model, images = tiny_vit(), noise(64)
    fused = [block.attn.fused_attn for block in model.encoder.blocks]
    with torch.no_grad():
        before = model(images)
        attention_maps(model.encoder, images)
        assert torch.equal(model(images), before)
    assert [block.attn.fused_attn for block in model.encoder.blocks] == fused
    assert not any(block.attn.attn_drop._forward_hooks for block in model.encoder.blocks)


@pytest.mark.parametrize(
    ("extra", "rows", "prefix"),
    [
        ({}, [0], 1),
        ({"reg_tokens": 3}, [0], 4),
        ({"global_pool": "avg"}, list(range(1, 17)), 1),
        ({"global_pool": "avg", "class_token": False}, list(range(16)), 0),
    ],
)
def test_the_map_is_of_the_tokens_that_are_pooled(
    extra: dict[str, object], rows: list[int], prefix: int
) -> None:
    encoder, images = tiny_vit(**extra).encoder, noise(64, 1)
    rolled = slow_rollout(encoder, images[0])
    wanted = np.zeros((4, 4))
    for patch in range(16):
        wanted[patch // 4, patch % 4] = np.mean([rolled[row, prefix + patch] for row in rows])
    np.testing.assert_allclose(rollout_map(encoder, images)[0].numpy(), wanted, atol=1e-6)


def test_grad_cam_is_computed_by_hand() -> None:
    """Channel by channel: autograd through pooling and classifier, mean gradient, sum, cut."""
    model, images = classifier("resnet10t"), noise(96)
    decided = torch.tensor([2, 0])
    found = grad_cam(model, images, decided).numpy()
    with torch.no_grad():
        features = model.encoder.forward_features(images)
    for row in range(2):
        leaf = features[row].clone().requires_grad_()
        model.classifier(leaf.mean((1, 2)))[decided[row]].backward()
        wanted = np.zeros(leaf.shape[1:])
        for channel in range(len(leaf)):
            weight = leaf.grad[channel].mean().item()
            wanted += weight * features[row, channel].double().numpy()
        assert found[row].shape == (3, 3)
        np.testing.assert_allclose(found[row], np.maximum(wanted, 0), atol=1e-6)
    assert (found > 0).any()


def test_grad_cam_of_a_linear_head_is_its_weights_over_the_map() -> None:
    """Zhou et al.'s class activation map, up to its scale, as the paper shows in section 3.1."""
    model, images = classifier("resnet10t"), noise(96, 1)
    with torch.no_grad():
        features = model.encoder.forward_features(images)[0]
        plain = torch.einsum("k,khw->hw", model.classifier.weight[1], features).relu()
    found = grad_cam(model, images, torch.tensor([1]))[0]
    torch.testing.assert_close(found * 9, plain, atol=1e-6, rtol=1e-4)


def test_grad_cam_passes_metadata_on() -> None:
    class Fused(nn.Linear):
        def forward(self, embeddings: torch.Tensor, metadata: torch.Tensor) -> torch.Tensor:
            return super().forward(embeddings) * metadata

    model = classifier("resnet10t")
    fused = Fused(model.encoder.num_features, CLASSES)
    fused.load_state_dict(model.classifier.state_dict())
    images, decided = noise(96), torch.tensor([2, 0])
    found = grad_cam(ImageClassifier(model.encoder, fused), images, decided, torch.full((2, 1), 2))
    torch.testing.assert_close(found, 2 * grad_cam(model, images, decided))


def test_an_image_that_brightens_in_one_corner_is_weighed_there() -> None:
    """A model whose logit is the mean brightness, and one whose logit is its opposite."""

    class Brightness(nn.Module):
        num_features = 3

        def forward_features(self, images: torch.Tensor) -> torch.Tensor:
            return nn.functional.avg_pool2d(images, 8)

        def forward_head(self, features: torch.Tensor) -> torch.Tensor:
            return features.mean((2, 3))

    head = nn.Linear(3, 2)
    head.load_state_dict({"weight": torch.tensor([[1.0] * 3, [-1.0] * 3]), "bias": torch.zeros(2)})
    images = torch.zeros(2, 3, 32, 32)
    images[:, :, :8, 24:] = 1
    maps = relevance_maps(
        ImageClassifier(Brightness(), head), GRAD_CAM, images, torch.tensor([0, 1])
    )
    assert divmod(int(maps[0].argmax()), 32) == (0, 28)
    assert maps[0, 16:].max() == 0
    assert maps[1].max() == 0, "nothing speaks for the other class"
    even = relevance_maps(
        ImageClassifier(Brightness(), head), GRAD_CAM, torch.ones(1, 3, 32, 32), torch.tensor([0])
    )
    assert even.min() == 1, "every place speaks for it alike"


@pytest.mark.parametrize(
    ("name", "method", "side"),
    [("test_vit", ROLLOUT, 64), ("resnet10t", GRAD_CAM, 96), ("test_efficientnet", GRAD_CAM, 64)],
)
def test_maps_have_the_images_size_and_run_from_0_to_1(name: str, method: str, side: int) -> None:
    model = classifier(name, **({"img_size": side} if name == "test_vit" else {}))
    assert map_method(model.encoder, name, side) == method
    with torch.no_grad():
        model.classifier.weight.abs_()  # a random head can leave Grad-CAM nothing above zero
    found = relevance_maps(model, method, noise(side), torch.tensor([0, 1]))
    assert found.shape == (2, side, side)
    assert not found.requires_grad
    if method == ROLLOUT:
        torch.testing.assert_close(found.amin((1, 2)), torch.zeros(2))
    assert found.amin() >= 0
    torch.testing.assert_close(found.amax((1, 2)), torch.ones(2))


@pytest.mark.parametrize(
    ("name", "side", "why"),
    [
        ("test_mambaout", 64, "neither a ViT that attends"),
        ("test_vit3", 160, "neither a ViT that attends"),
        ("test_resnet", 32, "a single cell at 32 px"),
    ],
)
def test_an_encoder_that_allows_neither_is_refused_in_one_line(
    name: str, side: int, why: str
) -> None:
    encoder = timm.create_model(name, pretrained=False, num_classes=0)
    with pytest.raises(ConfigError, match=why) as caught:
        map_method(encoder, name, side)
    assert name in str(caught.value)
    assert "--explain" in str(caught.value)
    assert "\n" not in str(caught.value)
