"""The only reader and writer of weights.

A checkpoint is Lightning's, readable with ``weights_only=True``, plus one plain dictionary under
``dermctl`` that says what the weights are: kind, encoder, image size, classes, preprocessing;
as plain tensors, which images they have seen; and what was fitted on validation (temperature,
thresholds).
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dermctl.errors import CheckpointError
from dermctl.exposure import Exposure
from dermctl.files import replacing
from dermctl.metrics.fitted import Fitted

FORMAT = 1
_KEY = "dermctl"
_EXPOSURE_KEY = "dermctl_exposure"
_FITTED_KEY = "dermctl_fitted"


@dataclass(frozen=True)
class Description:
    """What a checkpoint's weights are. Plain values only, so that it loads without unpickling."""

    kind: str  # pretrain | finetune
    encoder: str  # timm name
    image_size: int  # pixels a side
    mean: tuple[float, ...]  # of the normalisation, per channel, for pixels in 0..1
    std: tuple[float, ...]
    crop_pct: float  # of the evaluation transform, as timm names it
    interpolation: str  # likewise
    crop_mode: str  # likewise
    store_size: int  # short side that images were packed to
    classes: tuple[str, ...] = ()  # in the order of the logits; empty for pretraining
    label: str | None = None  # the column that the classes come from
    datasets: tuple[str, ...] = ()  # names of the datasets it was trained on
    manifests: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of what it was trained on
    synthetic: bool = False  # trained on drawn images
    leaks: tuple[str, ...] = ()  # held-out images that --allow-leak let pass, in words
    head: Mapping[str, Any] = field(default_factory=dict)  # of the classifier; empty: linear
    format: int = FORMAT


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read.

    Args:
        path: of the file.
        about: what the weights are.
        state: the weights.
        exposure: the images that they have seen.
        fitted: temperature and thresholds from validation; None: never fitted.
    """

    path: Path
    about: Description
    state: Mapping[str, torch.Tensor]
    exposure: Exposure = field(default_factory=Exposure.unknown)
    fitted: Fitted | None = None


def describe(
    checkpoint: dict[str, Any], about: Description, exposure: Exposure | None = None
) -> None:
    """Add the description, and the images seen where known, to a checkpoint being saved."""
    if exposure is not None:
        checkpoint[_EXPOSURE_KEY] = exposure.to_plain()
    plain = asdict(about)
    checkpoint[_KEY] = {
        key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()
    }


def save_checkpoint(
    path: Path,
    about: Description,
    state: Mapping[str, torch.Tensor],
    exposure: Exposure | None = None,
) -> None:
    """Write weights that no Trainer holds (a linear probe's), under a temporary name first."""
    document: dict[str, Any] = {"state_dict": dict(state)}
    describe(document, about, exposure)
    with replacing(path) as temporary:
        torch.save(document, temporary)


def add_fitted(path: Path, fitted: Fitted) -> None:
    """Add what was fitted on validation to a checkpoint that is there; all else stays.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    document = _load(path)
    document[_FITTED_KEY] = fitted.to_plain()
    with replacing(path) as temporary:
        torch.save(document, temporary)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint of ours.

    Raises:
        CheckpointError: when it is missing, cut short, not readable without unpickling, or not
            written by dermctl.
    """
    if not path.is_file():
        raise CheckpointError(
            "no such checkpoint", where=path, hint="Train one with: dermctl pretrain"
        )
    document = _load(path)
    try:
        plain, state = document[_KEY], document["state_dict"]
        if plain["format"] > FORMAT:
            raise CheckpointError(
                "the checkpoint was written by a newer dermctl", where=path, hint="Update dermctl"
            )
        recorded = document.get(_EXPOSURE_KEY)
        exposure = Exposure.unknown() if recorded is None else Exposure.from_plain(recorded)
        fitted = document.get(_FITTED_KEY)
        return Checkpoint(
            path,
            _description(plain),
            dict(state.items()),
            exposure,
            None if fitted is None else Fitted.from_plain(fitted),
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError("this checkpoint was not written by dermctl", where=path) from error


def read_progress(path: Path) -> tuple[int, int]:
    """How far a Trainer's checkpoint had come: epoch and step, counted from 0.

    Every byte is read and held against the archive's checksums.

    Raises:
        CheckpointError: it is missing, cut short or damaged, or no Trainer wrote it.
    """
    document = _load(path)
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise CheckpointError(
            f"cannot be read as a checkpoint: {broken} in it is damaged", where=path
        )
    try:
        return int(document["epoch"]), int(document["global_step"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError("no training can go on from this checkpoint", where=path) from error


def _load(path: Path) -> dict[str, Any]:
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            "cannot be read as a checkpoint: it is cut short, or a file of another kind", where=path
        )
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own words advise to load it unsafely
        raise CheckpointError(
            "cannot be read as a checkpoint: it is damaged, or holds code, which is never run",
            where=path,
        ) from error
    except (AttributeError, EOFError, LookupError, OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"cannot be read as a checkpoint: it is damaged ({type(error).__name__})", where=path
        ) from error
    return document if isinstance(document, dict) else {}


def _description(plain: Mapping[str, Any]) -> Description:
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
    }
    return Description(**fields)


def fill(module: nn.Module, checkpoint: Checkpoint, part: str) -> None:
    """Load the weights under ``part.`` into ``module``; every key and shape must match.

    Raises:
        CheckpointError: naming what is missing, left over or of another shape.
    """
    given = weights_of(checkpoint, part)
    check_fit(module.state_dict(), given, part=part, where=checkpoint.path)
    module.load_state_dict(given)


def weights_of(checkpoint: Checkpoint, part: str) -> dict[str, Tensor]:
    """The weights under ``part.``, by the names that they have in it."""
    return {
        key.removeprefix(f"{part}."): value
        for key, value in checkpoint.state.items()
        if key.startswith(f"{part}.")
    }


def check_fit(
    own: Mapping[str, Tensor],
    given: Mapping[str, Tensor],
    *,
    part: str,
    where: str | Path,
    hint: str | None = None,
) -> None:
    """Hold weights against those that they are to replace.

    Raises:
        CheckpointError: naming what is missing, left over or of another shape.
    """
    faults = [f"missing {key}" for key in own if key not in given]
    faults += [f"unknown {key}" for key in given if key not in own]
    faults += [
        f"{key} is {tuple(given[key].shape)}, not {tuple(value.shape)}"
        for key, value in own.items()
        if key in given and given[key].shape != value.shape
    ]
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if faults[5:] else "")
        raise CheckpointError(f"the weights do not fit the {part}: {shown}", where=where, hint=hint)
