"""``zoo add``: the encoder of a run's checkpoint, by a name, with what it has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dermctl import __version__
from dermctl.checkpoint import Checkpoint, read_checkpoint
from dermctl.core.zoo.license import check_license
from dermctl.core.zoo.results import InZoo
from dermctl.models.restore import restore_encoder
from dermctl.models.zoo.about import ABOUT_FILE, About, write_about
from dermctl.models.zoo.entry import write_encoder, write_exposure
from dermctl.models.zoo.shelf import check_free, new_entry
from dermctl.run_folder import run_of
from dermctl.runs import now
from dermctl.workspace import Workspace

_DESCRIBED = (
    *("encoder", "image_size", "mean", "std", "crop_pct", "interpolation", "crop_mode"),
    *("store_size", "datasets", "manifests", "synthetic", "leaks"),
)
"""What a checkpoint and ``about.json`` say alike."""


def add(
    workspace: Workspace,
    name: str,
    checkpoint: Path,
    *,
    license: str,
    citation: str | None = None,
    replace: bool = False,
) -> InZoo:
    """Put the encoder of a checkpoint of ours into the zoo; heads are left out.

    Args:
        workspace: whose zoo.
        name: of the encoder in the zoo.
        checkpoint: of a pretraining or a fine-tuning.
        license: of the weights, as an SPDX expression.
        citation: whom to cite, in one line.
        replace: whether an encoder of that name may go.

    Raises:
        UsageFault: a name or a licence that cannot be.
        CheckpointError: the name is taken, or the checkpoint is missing, damaged or none of ours.
        DataError: another command is writing this entry.
    """
    spdx = check_license(license)
    check_free(workspace.zoo, name, replace=replace)
    read = read_checkpoint(checkpoint)
    encoder = restore_encoder(read)
    with new_entry(workspace.zoo, name, replace=replace) as folder:
        about = About(
            name=name,
            license=spdx,
            citation=None if citation is None else " ".join(citation.split()),
            sha256=write_encoder(folder, encoder),
            exposure=write_exposure(folder, read.exposure),
            source=_run_and_file(checkpoint),
            method=_method(read),
            dermctl=__version__,
            added_at=now(),
            **_described(read),
        )
        write_about(folder / ABOUT_FILE, about)
    return InZoo(name, workspace.zoo / name, about)


def _described(read: Checkpoint) -> dict[str, Any]:
    """What the checkpoint says of its encoder."""
    return {name: getattr(read.about, name) for name in _DESCRIBED}


def _run_and_file(checkpoint: Path) -> str:
    """Run and file, without the folders above: the zoo may be passed on."""
    path = checkpoint.resolve()
    return "/".join(path.parts[-3:]) if run_of(path) else path.name


def _method(read: Checkpoint) -> str | None:
    """How it was trained last, as its run says; None where the run is not there."""
    settings = _settings(read.path.resolve().parent.parent / "config.yaml")
    if read.about.kind == "finetune":
        return f"supervised ({settings['mode']})" if "mode" in settings else "supervised"
    method, loss = settings.get("method"), settings.get("loss")
    return f"{method} ({loss})" if method and loss else method


def _settings(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}
