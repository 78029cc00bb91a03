"""``zoo pull``: an encoder from an address, another lab's zoo, or a file of weights."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import timm

from dermctl import __version__
from dermctl.core.transform import preprocessing
from dermctl.core.zoo.fetching import (
    check_agreed,
    check_sha256,
    download_folder,
    fetch_entry,
    fetch_weights,
    is_address,
)
from dermctl.core.zoo.known import KNOWN
from dermctl.core.zoo.license import check_license
from dermctl.core.zoo.results import InZoo
from dermctl.datasets.fetch.partial import file_hash
from dermctl.errors import CheckpointError, ConfigError, UsageFault
from dermctl.models.encoder import build_encoder
from dermctl.models.foreign import fill_from, read_weights
from dermctl.models.restore import restore_encoder
from dermctl.models.zoo.about import ABOUT_FILE, About, read_about, write_about
from dermctl.models.zoo.entry import copy_files, read_entry, write_encoder
from dermctl.models.zoo.shelf import check_free, entry_names, is_entry, new_entry
from dermctl.progress import SILENT, Progress
from dermctl.runs import now
from dermctl.workspace import Workspace

_SIZE = 224
"""Pixels a side where neither the user nor timm says."""


@dataclass(frozen=True)
class PullRequest:
    """What to pull.

    Args:
        source: a folder of a zoo, an address, a file of weights, or a name that is known.
        name: in this zoo; None: the one that it has there.
        sha256: that the weights must have.
        encoder: of weights that come alone: their timm name, with the tag whose normalisation
            holds; without a tag, ImageNet's does.
        image_size: of such weights, pixels a side; None: the encoder's own.
        license: of such weights, as an SPDX expression.
        citation: whom to cite for such weights.
        replace: whether an encoder of that name may go.
    """

    source: str
    name: str | None = None
    sha256: str | None = None
    encoder: str | None = None
    image_size: int | None = None
    license: str | None = None
    citation: str | None = None
    replace: bool = False


def pull(workspace: Workspace, request: PullRequest, progress: Progress = SILENT) -> InZoo:
    """Put an encoder from elsewhere into the zoo, verified, with its record where one comes along.

    Raises:
        UsageFault: something that must be said of weights that come alone is missing.
        CheckpointError: it cannot be fetched, fails its checksum, does not fit its encoder, or
            the name is taken.
        DataError: another command writes this entry.
    """
    if request.sha256 is not None:
        request = replace(request, sha256=check_sha256(request.sha256))
    if request.license is not None:
        request = replace(request, license=check_license(request.license))
    if request.name is not None:
        check_free(workspace.zoo, request.name, replace=request.replace)
    path = Path(request.source)
    if path.is_dir():
        _check_alone(request, alone=False)
        return _take_entry(workspace.zoo, _entry_in(path), request)
    if path.exists():
        _check_alone(request, alone=True)
        return _take_weights(workspace.zoo, path, request)
    if not is_address(request.source):
        request = _known(request)
    _check_alone(request, alone=request.encoder is not None)
    return _take_address(workspace.zoo, request, progress)


def _check_alone(request: PullRequest, *, alone: bool) -> None:
    """Weights alone must be said to be something; what ``about.json`` says need not be said."""
    needed = {"encoder": request.encoder, "license": request.license, "name": request.name}
    extra: dict[str, object] = {"encoder": request.encoder, "license": request.license}
    extra |= {"image-size": request.image_size, "cite": request.citation}
    lacking = [f"--{flag}" for flag, value in needed.items() if value is None]
    given = [f"--{flag}" for flag, value in extra.items() if value is not None]
    if alone and lacking:
        raise UsageFault(
            f"weights that come alone need {', '.join(lacking)}",
            where=request.source,
            hint="See: dermctl zoo pull --help",
        )
    if not alone and given:
        raise UsageFault(
            f"its {ABOUT_FILE} says what {', '.join(given)} would",
            where=request.source,
            hint="Leave that out; for weights that come alone, name their file and --encoder",
        )


def _known(request: PullRequest) -> PullRequest:
    """What a name stands for.

    Raises:
        UsageFault: for nothing.
    """
    known = {each.name: each for each in KNOWN}
    if request.source not in known:
        near = difflib.get_close_matches(request.source, known, n=1)
        raise UsageFault(
            f"'{request.source}' is no folder, no file, no address and no encoder known by name",
            hint=f"Did you mean '{near[0]}'?"
            if near
            else "Give the address or the folder of an encoder. Known names: dermctl zoo list",
        )
    found = known[request.source]
    return replace(
        request,
        source=found.url,
        name=request.name or found.name,
        sha256=request.sha256 or found.sha256,
        encoder=request.encoder or found.encoder,
        license=request.license or found.license,
        citation=request.citation or found.citation,
    )


def _take_address(zoo: Path, request: PullRequest, progress: Progress) -> InZoo:
    url, sha256 = request.source, request.sha256
    with download_folder(zoo, url) as folder:
        if request.encoder is None:
            fetch_entry(url, folder, sha256, progress)
            return _take_entry(zoo, folder, request)
        if sha256 is None:
            raise UsageFault(
                "weights that come alone from an address need a checksum",
                where=url,
                hint="Give the one that their publisher states, with --sha256 HEX",
            )
        return _take_weights(zoo, fetch_weights(url, folder, sha256, progress), request)


def _take_entry(zoo: Path, source: Path, request: PullRequest) -> InZoo:
    about = read_about(source / ABOUT_FILE)
    check_agreed(about, request.sha256, source)
    name = request.name or about.name
    with new_entry(zoo, name, replace=request.replace) as folder:
        copy_files(source, folder, about)
        about = replace(about, name=name, source=request.source, added_at=now())
        write_about(folder / ABOUT_FILE, about)
        restore_encoder(replace(read_entry(folder), path=source))  # it fits, or says what does not
    return InZoo(name, zoo / name, about)


def _take_weights(zoo: Path, file: Path, request: PullRequest) -> InZoo:
    """Weights that come alone; what they have seen is unknown."""
    tagged, name = str(request.encoder), str(request.name)
    if request.sha256 is not None and file_hash(file, "sha256") != request.sha256:
        raise CheckpointError("its SHA-256 is not the one of --sha256", where=file)
    published = _published(tagged)
    base = tagged.partition(".")[0]
    size = request.image_size or published.get("size") or _SIZE
    encoder = build_encoder(base, size)
    fill_from(encoder, read_weights(file), where=request.source)
    with new_entry(zoo, name, replace=request.replace) as folder:
        about = About(
            name=name,
            encoder=base,
            image_size=size,
            **preprocessing(tagged, published.get("mean"), published.get("std")),
            license=str(request.license),
            citation=None if request.citation is None else " ".join(request.citation.split()),
            sha256=write_encoder(folder, encoder),
            source=request.source,
            dermctl=__version__,
            added_at=now(),
        )
        write_about(folder / ABOUT_FILE, about)
    return InZoo(name, zoo / name, about)


def _published(encoder: str) -> dict[str, Any]:
    """timm's image size for an encoder; where a tag names its weights, their normalisation too.

    Raises:
        ConfigError: timm knows no such tag.
    """
    try:
        found = timm.get_pretrained_cfg(encoder)
    except RuntimeError as error:
        raise ConfigError(
            f"timm knows no weights '{encoder}' ({error})",
            where="--encoder",
            hint="Leave the tag out: the normalisation is then ImageNet's",
        ) from error
    if found is None:  # an unknown encoder: building it says so
        return {}
    settings: dict[str, Any] = {"size": found.input_size[-1]}
    if "." in encoder:
        settings |= {"mean": tuple(found.mean), "std": tuple(found.std)}
    return settings


def _entry_in(folder: Path) -> Path:
    """The encoder that a folder is, or the only one in it.

    Raises:
        CheckpointError: there is none, or there are several.
    """
    if is_entry(folder):
        return folder
    names = entry_names(folder)
    if len(names) == 1:
        return folder / names[0]
    if names:
        raise CheckpointError(
            f"there are several encoders: {', '.join(names[:10])}",
            where=folder,
            hint=f"Name one: dermctl zoo pull {folder / names[0]}",
        )
    raise CheckpointError(
        "this is no folder of a zoo",
        where=folder,
        hint=f"It would hold {ABOUT_FILE}; of weights that come alone, name the file",
    )
