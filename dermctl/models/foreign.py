"""Weights from elsewhere in a timm encoder: every key and shape must match, heads excepted."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.layers.pos_embed import resample_abs_pos_embed
from torch import Tensor, nn

from dermctl.checkpoint import check_fit
from dermctl.errors import CheckpointError

State = Mapping[str, Tensor]

_WRAPPERS = ("state_dict_ema", "state_dict", "model_ema", "model", "module")
"""Under which training scripts keep the weights, the one that timm prefers first."""
_PREFIXES = ("module.", "_orig_mod.", "encoder.")
_IN_A_FOLDER = ("model.safetensors", "pytorch_model.bin")
"""As the Hugging Face hub and ``dermctl export timm`` name them."""
_POSITIONS = "pos_embed"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, a torch file, or a folder that holds one of them.

    Raises:
        CheckpointError: there is none, it is damaged, or it holds code, which is never run.
    """
    if path.is_dir():
        path = next((path / name for name in _IN_A_FOLDER if (path / name).is_file()), path)
    if not path.is_file():
        raise CheckpointError("no weights there", where=path, hint="Name a .safetensors or .pth")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        document = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError) as error:
        raise CheckpointError(
            "cannot be read as weights: it is damaged, or holds code, which is never run",
            where=path,
        ) from error
    except (EOFError, LookupError, OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"cannot be read as weights: it is damaged ({type(error).__name__})", where=path
        ) from error
    return _tensors(document, path)


def _tensors(document: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(document, dict) and isinstance(document.get(wrapper), dict):
            document = document[wrapper]
            break
    found = {}
    if isinstance(document, dict):
        found = {str(key): each for key, each in document.items() if isinstance(each, Tensor)}
    if not found:
        raise CheckpointError("holds no weights", where=path)
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in found):
            found = {key.removeprefix(prefix): each for key, each in found.items()}
    return found


def fill_from(encoder: nn.Module, weights: State, *, where: str | Path) -> None:
    """Load weights of the same architecture into a timm encoder, in place.

    Its own renaming of old checkpoints applies; position embeddings of another image size are
    resampled; the classifier that the encoder lacks is left out.

    Raises:
        CheckpointError: naming what is missing, left over or of another shape.
    """
    own = encoder.state_dict()
    given = _without_classifier(encoder, _renamed(encoder, dict(weights)), own)
    given = {
        key: _resampled(encoder, each, own[key]) if key == _POSITIONS and key in own else each
        for key, each in given.items()
    }
    check_fit(
        own,
        given,
        part="encoder",
        where=where,
        hint="Take the --encoder that they were trained with",
    )
    encoder.load_state_dict(given)


def _renamed(encoder: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """As the architecture's own filter in timm renames and resamples them, where it has one."""
    rename = getattr(sys.modules[type(encoder).__module__], "checkpoint_filter_fn", None)
    if rename is None:
        return weights
    try:
        found = rename(weights, encoder)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        return weights  # of another architecture: the keys will say so
    return dict(found)


def _without_classifier(
    encoder: nn.Module, weights: dict[str, Tensor], own: State
) -> dict[str, Tensor]:
    named = (getattr(encoder, "pretrained_cfg", None) or {}).get("classifier") or ()
    heads = (named,) if isinstance(named, str) else tuple(named)
    return {
        key: each
        for key, each in weights.items()
        if key in own or key.rpartition(".")[0] not in heads
    }


def _resampled(encoder: nn.Module, given: Tensor, own: Tensor) -> Tensor:
    """A position embedding [1, P + h·w, D] for another number of patches."""
    if given.shape == own.shape or given.ndim != 3 or own.ndim != 3:
        return given
    prefix = 0 if getattr(encoder, "no_embed_class", False) else _prefix_tokens(encoder)
    side = int((own.shape[1] - prefix) ** 0.5)
    found: Tensor = resample_abs_pos_embed(given, new_size=[side, side], num_prefix_tokens=prefix)
    return found


def _prefix_tokens(encoder: nn.Module) -> int:
    return int(getattr(encoder, "num_prefix_tokens", 0))
