"""What a classifier weighed in an image: attention rollout for ViTs, Grad-CAM for CNNs.

Such maps show where, not why, and can look sensible for a model that has learnt nothing (Adebayo
et al. 2018, arXiv 1810.03292).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from dermctl.errors import ConfigError
from dermctl.models.restore import ImageClassifier

ROLLOUT = "attention rollout"
GRAD_CAM = "Grad-CAM"


def map_method(encoder: nn.Module, name: str, image_size: int) -> str:
    """`ROLLOUT` or `GRAD_CAM`, whichever this encoder allows, by passing a black image through.

    Args:
        encoder: of timm, without its classifier.
        name: of it, for the fault.
        image_size: pixels a side.

    Raises:
        ConfigError: it is neither a ViT with plain attention nor a CNN with a feature map.
    """
    parameter = next(encoder.parameters())
    black = torch.zeros(1, 3, image_size, image_size, device=parameter.device)
    with torch.no_grad():
        features = encoder.eval().forward_features(black)  # type: ignore[operator]
    if _is_feature_map(encoder, features):
        if features.shape[2] * features.shape[3] > 1:
            return GRAD_CAM
        why = f"its last feature map has a single cell at {image_size} px"
    elif _is_vit(encoder) and _attends_to_all(attention_maps(encoder, black), features):
        return ROLLOUT
    else:
        why = (
            "it is neither a ViT that attends to all patches and pools them by a class token or "
            "a mean, nor a CNN that ends in a feature map"
        )
    raise ConfigError(
        f"no map of what '{name}' weighs can be drawn: {why}",
        where="encoder",
        hint="Leave --explain out",
    )


def relevance_maps(
    model: ImageClassifier,
    method: str,
    images: torch.Tensor,
    classes: torch.Tensor,
    *metadata: torch.Tensor,
) -> torch.Tensor:
    """What the model weighed in each image, up to 1 (most in this image).

    Rollout begins at 0 for the least weighed place, as no place is ever left out; Grad-CAM at 0
    for places that do not speak for the class.

    Args:
        model: in evaluation mode.
        method: as `map_method` says.
        images: normalised, [B, 3, S, S].
        classes: [B] whose logits Grad-CAM explains; rollout is the same for every class.
        metadata: [B, M] of a model that takes them.

    Returns:
        [B, S, S] in 0..1, upsampled bilinearly; all zero where rollout weighs all places alike,
        or no place speaks for the class.
    """
    if method == ROLLOUT:
        coarse = rollout_map(model.encoder, images)
    else:
        coarse = grad_cam(model, images, classes, *metadata)
    fine = functional.interpolate(
        coarse[:, None], size=images.shape[2:], mode="bilinear", align_corners=False
    )[:, 0]
    high = fine.amax((1, 2), keepdim=True)
    low = fine.amin((1, 2), keepdim=True) if method == ROLLOUT else torch.zeros_like(high)
    # Where all cells are equal but for rounding, stretching would draw the rounding.
    flat = high - low <= 1e-6 * high.abs()
    return torch.where(flat, 0.0, (fine - low) / (high - low).clamp(min=torch.finfo().tiny))


def attention_rollout(attention: Sequence[torch.Tensor]) -> torch.Tensor:
    """How much of each input token reaches each output token: [B, N, N], rows summing to 1.

    Abnar and Zuidema 2020 (arXiv 2005.00928), section 3: each block passes on A = (W + I) / 2, the
    half for its residual connection, and blocks multiply.

    Args:
        attention: W of each block, first block first, [B, N, N], averaged over heads.
    """
    rolled = torch.eye(attention[0].shape[-1], device=attention[0].device)[None]
    for weights in attention:
        rolled = (weights @ rolled + rolled) / 2
    return rolled


@torch.no_grad()
def attention_maps(encoder: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """The attention of each block of a timm ViT, averaged over heads: [B, N, N] each.

    Fused attention never forms these matrices; for this pass it is switched off.
    """
    kept: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: Any, attention: torch.Tensor) -> None:
        kept.append(attention.float().mean(1))

    attentions = [block.attn for block in encoder.blocks]  # type: ignore[union-attr]
    # The dropout stands right behind the softmax, and drops nothing in evaluation.
    hooks = [each.attn_drop.register_forward_hook(keep) for each in attentions]
    try:
        with _unfused(attentions):
            encoder.forward_features(images)  # type: ignore[operator]
    finally:
        for hook in hooks:
            hook.remove()
    return kept


def rollout_map(encoder: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Rollout from the patches to what is pooled into the embedding: [B, 3, S, S] -> [B, g, g].

    Class, distillation and register tokens are no place in the image: what stands in their
    columns is left out.
    """
    rolled = attention_rollout(attention_maps(encoder, images))
    prefix = int(encoder.num_prefix_tokens)  # type: ignore[arg-type]
    patches = rolled[:, _pooled(encoder, prefix), prefix:].mean(1)
    side = math.isqrt(patches.shape[1])
    return patches.reshape(-1, side, side)


def grad_cam(
    model: ImageClassifier, images: torch.Tensor, classes: torch.Tensor, *metadata: torch.Tensor
) -> torch.Tensor:
    """Grad-CAM on the encoder's last feature map: [B, 3, S, S] -> [B, h, w], not negative.

    Selvaraju et al. 2017 (arXiv 1610.02391), equations 1 and 2: channels are weighted by the mean
    gradient of the logit in each, summed, and cut off at zero.

    Args:
        model: whose encoder ends in [B, C, h, w].
        images: normalised.
        classes: [B] whose logits are explained.
        metadata: [B, M] of a model that takes them.
    """
    encoder = model.encoder
    with torch.no_grad():
        features = encoder.forward_features(images)  # type: ignore[operator]
    with torch.enable_grad():
        # A copy, as some heads begin with an activation in place.
        features = features.detach().requires_grad_()
        embeddings = encoder.forward_head(features.clone())  # type: ignore[operator]
        logits = model.classifier(embeddings, *metadata)
        chosen = logits.gather(1, classes[:, None]).sum()
        (gradients,) = torch.autograd.grad(chosen, features)
    weights = gradients.mean((2, 3), keepdim=True)
    return torch.relu((weights * features.detach()).sum(1))


def _is_feature_map(encoder: nn.Module, features: Any) -> bool:
    return (
        isinstance(features, torch.Tensor)
        and features.ndim == 4
        and features.shape[1] == encoder.num_features
        and getattr(encoder, "output_fmt", "NCHW") != "NHWC"
        and callable(getattr(encoder, "forward_head", None))
    )


def _is_vit(encoder: nn.Module) -> bool:
    """Whether attentions can be read, and a class token or a mean makes the embedding."""
    attentions = [getattr(block, "attn", None) for block in getattr(encoder, "blocks", ())]
    pooling = getattr(encoder, "global_pool", None)
    return (
        bool(attentions)
        and all(hasattr(each, "fused_attn") and hasattr(each, "attn_drop") for each in attentions)
        and hasattr(encoder, "num_prefix_tokens")
        and pooling in ("token", "avg")
    )


def _attends_to_all(attention: Sequence[torch.Tensor], features: Any) -> bool:
    """Whether each block lets every token see every other, as windows and channels do not."""
    if not isinstance(features, torch.Tensor) or features.ndim != 3:
        return False
    tokens = features.shape[1]
    return len(attention) > 0 and all(each.shape == (1, tokens, tokens) for each in attention)


def _pooled(encoder: nn.Module, prefix: int) -> slice:
    """The tokens that the embedding is made of."""
    if encoder.global_pool == "token":
        return slice(0, 2 if hasattr(encoder, "head_dist") else 1)
    return slice(0 if getattr(encoder, "pool_include_prefix", False) else prefix, None)


@contextmanager
def _unfused(attentions: Sequence[Any]) -> Iterator[None]:
    before = [each.fused_attn for each in attentions]
    try:
        for each in attentions:
            each.fused_attn = False
        yield
    finally:
        for each, fused in zip(attentions, before, strict=True):
            each.fused_attn = fused
