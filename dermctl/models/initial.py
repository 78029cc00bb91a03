"""What an encoder starts from: nothing, ImageNet, a checkpoint of ours, a zoo, or a file."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import load_state_dict_from_hf
from torch import nn

from dermctl.checkpoint import Checkpoint, read_checkpoint
from dermctl.errors import CheckpointError
from dermctl.models.encoder import build_encoder, check_image_size
from dermctl.models.foreign import fill_from, read_weights
from dermctl.models.restore import restore_encoder
from dermctl.models.zoo.entry import read_entry
from dermctl.models.zoo.shelf import is_entry, named

IMAGENET = "imagenet"
"""The word for the weights that timm has for an encoder by default."""
_OURS = ".ckpt"


@dataclass(frozen=True, eq=False)
class Start:
    """An encoder and where its weights come from.

    Args:
        encoder: images [B, 3, H, W] -> embeddings [B, D].
        checkpoint: of ours, or of a zoo, where they come from one.
        foreign: whether they come from elsewhere: what they have seen is unknown.
        mean: of the normalisation that the weights are used to; None: not known, or none yet.
        std: likewise.
    """

    encoder: nn.Module
    checkpoint: Checkpoint | None = None
    foreign: bool = False
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def start_encoder(
    name: str, image_size: int, init: str | None = None, zoo: Path | None = None
) -> Start:
    """The encoder ``name`` for square images of ``image_size`` pixels, filled from ``init``.

    Args:
        name: of timm.
        image_size: in pixels; position embeddings are resampled to it.
        init: None (random), ``imagenet``, a checkpoint of ours (.ckpt), a safetensors or torch
            file, a folder that holds one (as ``dermctl export timm`` writes it), or a name in the
            zoo; what is a path counts as one.
        zoo: the folder of the zoo; None: there is none.

    Raises:
        ConfigError: an encoder that timm does not know, or an image size that it refuses.
        CheckpointError: weights that are not there or do not fit; what did not match is named.
    """
    if init is None:
        return Start(build_encoder(name, image_size))
    if init == IMAGENET:
        return _from_imagenet(name, image_size)
    path = named(init, zoo, others=f"--init {IMAGENET}")
    if is_entry(path):
        return _from_checkpoint(read_entry(path), name, image_size)
    if path.suffix == _OURS:
        return _from_checkpoint(read_checkpoint(path), name, image_size)
    encoder = build_encoder(name, image_size)
    fill_from(encoder, read_weights(path), where=path)
    return Start(encoder, foreign=True)


def _from_checkpoint(checkpoint: Checkpoint, name: str, image_size: int) -> Start:
    about = checkpoint.about
    if about.encoder != name:
        raise CheckpointError(
            f"the checkpoint holds {about.encoder}, not {name}",
            where=checkpoint.path,
            hint=f"Take --encoder {about.encoder}",
        )
    encoder = restore_encoder(checkpoint, image_size=image_size)
    return Start(encoder, checkpoint, mean=about.mean, std=about.std)


def _from_imagenet(name: str, image_size: int) -> Start:
    encoder = build_encoder(name, image_size)
    source = timm.get_pretrained_cfg(name)
    if source is None or not source.has_weights:
        there = timm.list_models(pretrained=True)
        others = difflib.get_close_matches(name.split(".")[0], there, n=3, cutoff=0.4)
        raise CheckpointError(
            f"timm has no pretrained weights for '{name}'",
            where=f"--init {IMAGENET}",
            hint=f"Nearest that have some: {', '.join(others)}" if others else "Leave --init out",
        )
    fill_from(encoder, _download(source, name), where=str(source.hf_hub_id or source.url))
    check_image_size(encoder, name, image_size)
    return Start(encoder, foreign=True, mean=tuple(source.mean), std=tuple(source.std))


def _download(source: Any, name: str) -> Mapping[str, torch.Tensor]:
    """The weights of a model of timm, from its cache where they have been downloaded before."""
    chatter = logging.getLogger("huggingface_hub")  # a line and a half for each of many tries
    level = chatter.level
    chatter.setLevel(logging.ERROR)
    try:
        if source.hf_hub_id:
            extra = {"filename": source.hf_hub_filename} if source.hf_hub_filename else {}
            found: Mapping[str, torch.Tensor] = load_state_dict_from_hf(
                source.hf_hub_id, weights_only=True, **extra
            )
            return found
        loaded: Mapping[str, torch.Tensor] = torch.hub.load_state_dict_from_url(
            source.url, map_location="cpu", weights_only=True
        )
        return loaded
    except Exception as error:  # each of the many layers below has errors of its own
        raise CheckpointError(
            f"the weights of '{name}' cannot be downloaded ({type(error).__name__})",
            where=source.hf_hub_id or source.url,
            hint=f"Where there is a network: hf download {source.hf_hub_id}; then "
            "take --init FILE, with its model.safetensors"
            if source.hf_hub_id
            else "Download it where there is a network, then take --init FILE",
        ) from error
    finally:
        chatter.setLevel(level)
