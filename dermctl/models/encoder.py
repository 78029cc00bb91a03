"""Encoders by timm name: images [B, 3, H, W] -> embeddings [B, D]."""

from __future__ import annotations

import difflib
import warnings
from typing import Any

import timm
import torch
from torch import nn

from dermctl.errors import ConfigError


def build_encoder(name: str, image_size: int, *, drop_path: float = 0.0) -> nn.Module:
    """A timm model without its classifier, for square images of ``image_size`` pixels.

    Returns:
        A module [B, 3, image_size, image_size] -> [B, D], with D as ``num_features``.

    Raises:
        ConfigError: for an unknown name (with the nearest ones) or an image size that it refuses.
    """
    check_encoder_name(name)
    extra: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}
    if fixed_image_size(name):
        extra["img_size"] = image_size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            encoder: nn.Module = timm.create_model(name, pretrained=False, num_classes=0, **extra)
    except (AssertionError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"'{name}' cannot be built for {image_size} px ({error})",
            where="encoder, image_size",
            hint="Take an image size that is a multiple of its patch size",
        ) from error
    check_image_size(encoder, name, image_size)
    return encoder


def check_encoder_name(name: str) -> None:
    """Raise ``ConfigError``, with the nearest names, where timm has no such model."""
    if not timm.is_model(name):
        near = difflib.get_close_matches(name.split(".")[0], timm.list_models(), n=3, cutoff=0.4)
        known = f"nearest: {', '.join(near)}" if near else "see timm.list_models()"
        raise ConfigError(f"timm knows no encoder '{name}' ({known})", where="encoder")


def check_image_size(encoder: nn.Module, name: str, image_size: int) -> None:
    """Pass one black image through: what a model refuses, it says only when it sees an image.

    Raises:
        ConfigError: it takes no images of ``image_size`` pixels, or would leave out their edge.
    """
    patch = getattr(getattr(encoder, "patch_embed", None), "patch_size", None)
    if patch is not None and fixed_image_size(name):
        side = patch if isinstance(patch, int) else patch[0]
        if image_size % side:
            raise ConfigError(
                f"{image_size} px is no multiple of the patch size of '{name}', {side}",
                where="image_size",
                hint=f"Take --image-size {max(1, round(image_size / side)) * side}",
            )
    training = encoder.training
    try:
        with torch.no_grad():
            encoder.eval()(torch.zeros(1, 3, image_size, image_size))
    except (AssertionError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"'{name}' takes no images of {image_size} px ({error})",
            where="encoder, image_size",
            hint="Take its own image size, or another encoder",
        ) from error
    finally:
        encoder.train(training)


def fixed_image_size(name: str) -> bool:
    """Whether the architecture is built for one image size (ViTs), rather than any (CNNs)."""
    config = timm.get_pretrained_cfg(name.split(".")[0])
    return bool(config is not None and config.fixed_input_size)


def feature_width(encoder: nn.Module) -> int:
    """D: the width of an encoder's embeddings."""
    head_width = getattr(encoder, "head_hidden_size", None)
    return int(head_width or encoder.num_features)  # type: ignore[arg-type]


def parameter_count(module: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
