"""One encoder of a zoo, as a checkpoint: weights verified, and what they have seen with them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dermctl.checkpoint import Checkpoint, Description
from dermctl.datasets.fetch.partial import file_hash
from dermctl.errors import CheckpointError
from dermctl.exposure import Exposure
from dermctl.files import replacing, settle
from dermctl.models.foreign import read_weights
from dermctl.models.zoo.about import ABOUT_FILE, About, read_about
from dermctl.models.zoo.shelf import WEIGHTS_FILE

EXPOSURE_FILE = "exposure.safetensors"
_HINT = "Get it anew: dermctl zoo pull … --replace, or: dermctl zoo add … --replace"


def read_entry(folder: Path) -> Checkpoint:
    """Read an encoder of a zoo, weights and record held against their checksums.

    Raises:
        CheckpointError: a file is missing, or is not the one that ``about.json`` describes.
    """
    settle(folder)
    about = read_about(folder / ABOUT_FILE)
    _verify(folder / WEIGHTS_FILE, about.sha256)
    weights = read_weights(folder / WEIGHTS_FILE)
    state = {f"encoder.{key}": value for key, value in weights.items()}
    return Checkpoint(folder, describe_entry(about), state, _exposure(folder, about))


def describe_entry(about: About) -> Description:
    """The same as a checkpoint says it."""
    return Description(
        kind="pretrain",
        encoder=about.encoder,
        image_size=about.image_size,
        mean=about.mean,
        std=about.std,
        crop_pct=about.crop_pct,
        interpolation=about.interpolation,
        crop_mode=about.crop_mode,
        store_size=about.store_size,
        datasets=about.datasets,
        manifests=about.manifests,
        synthetic=about.synthetic,
        leaks=about.leaks,
    )


def write_encoder(folder: Path, encoder: torch.nn.Module) -> str:
    """Write an encoder's weights; their SHA-256."""
    # Cloned: safetensors refuses tensors that share memory.
    state = {key: value.detach().clone() for key, value in encoder.state_dict().items()}
    path = folder / WEIGHTS_FILE
    with replacing(path) as temporary:
        save_file({key: value.contiguous() for key, value in state.items()}, temporary)
    return file_hash(path, "sha256")


def write_exposure(folder: Path, exposure: Exposure) -> dict[str, Any]:
    """Write the record of what weights have seen; what ``about.json`` says of it."""
    plain = exposure.to_plain()
    tensors = {**plain, "complete": torch.tensor(plain["complete"], dtype=torch.uint8)}
    path = folder / EXPOSURE_FILE
    with replacing(path) as temporary:
        save_file(tensors, temporary)
    return {**exposure.to_json(), "sha256": file_hash(path, "sha256")}


def copy_files(source: Path, folder: Path, about: About) -> None:
    """Copy weights and record of an entry to another folder, and verify the copies.

    Raises:
        CheckpointError: one is missing, or is not the one that ``about`` describes.
    """
    for name, sha256 in checksums(about).items():
        if not (source / name).is_file():
            raise CheckpointError("not there", where=source / name, hint=_HINT)
        shutil.copyfile(source / name, folder / name)
        if file_hash(folder / name, "sha256") != sha256:
            raise _other_bytes(source / name)


def checksums(about: About) -> Mapping[str, str]:
    """File -> SHA-256 of what lies beside ``about.json``."""
    if about.exposure is None:
        return {WEIGHTS_FILE: about.sha256}
    return {WEIGHTS_FILE: about.sha256, EXPOSURE_FILE: str(about.exposure["sha256"])}


def _verify(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise CheckpointError("a file of the zoo is missing", where=path, hint=_HINT)
    if file_hash(path, "sha256") != sha256:
        raise _other_bytes(path)


def _other_bytes(path: Path) -> CheckpointError:
    what = f"its SHA-256 is not the one in {ABOUT_FILE}: it is damaged, or another's"
    return CheckpointError(what, where=path, hint=_HINT)


def _exposure(folder: Path, about: About) -> Exposure:
    """The record that came with the weights; without one, what they have seen is unknown."""
    if about.exposure is None:
        return Exposure.unknown()
    path = folder / EXPOSURE_FILE
    _verify(path, str(about.exposure["sha256"]))
    try:
        plain = load_file(path)
        exposure = Exposure.from_plain({**plain, "complete": bool(plain["complete"])})
    except (KeyError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError("this is no record of images", where=path, hint=_HINT) from error
    if exposure.state != about.exposure["state"]:
        raise CheckpointError(f"{ABOUT_FILE} says otherwise of it", where=path, hint=_HINT)
    return exposure
