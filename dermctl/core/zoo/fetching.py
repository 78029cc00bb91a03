"""Encoders from an address: resumed, verified, never half there."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from dermctl.datasets.fetch.asked import Asked, address_fault
from dermctl.datasets.fetch.failures import REASONS
from dermctl.datasets.fetch.many import Manner, fetch_files
from dermctl.datasets.fetch.partial import file_hash
from dermctl.errors import CheckpointError, UsageFault
from dermctl.lock import only_one
from dermctl.models.zoo.about import ABOUT_FILE, About, is_sha256, read_about
from dermctl.models.zoo.entry import checksums
from dermctl.models.zoo.shelf import WEIGHTS_FILE
from dermctl.progress import Progress

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""Of files of weights; an address that ends otherwise is an encoder's folder."""


def is_address(text: str) -> bool:
    """Whether a text means an address rather than a path or a name."""
    return "://" in text


@contextmanager
def download_folder(zoo: Path, url: str) -> Iterator[Path]:
    """The hidden folder of what comes from ``url``; it goes once the block ends well.

    Otherwise it stays: the next try goes on with what has come.

    Raises:
        UsageFault: it is no address.
        DataError: another command fetches the same.
    """
    if address_fault(url) is not None:
        raise UsageFault("this is no address", where=url, hint="It begins with https://")
    folder = zoo / f".pull-{hashlib.sha256(url.encode()).hexdigest()[:16]}"
    busy, hint = "another command fetches this just now", "Wait for its end"
    with only_one(folder.with_name(f"{folder.name}.lock"), busy, hint):
        yield folder
        shutil.rmtree(folder, ignore_errors=True)


def fetch_entry(url: str, folder: Path, sha256: str | None, progress: Progress) -> None:
    """Fetch ``about.json`` and what it names.

    Args:
        url: of an encoder's folder in a zoo, or of the weights in it.
        folder: to fill; what is there of an earlier try is gone on with.
        sha256: that the weights must have, where somebody said so; None: what the file says.
        progress: where it is reported.

    Raises:
        CheckpointError: a file cannot be fetched, or is not what it must be.
    """
    weights = url if is_file(url) else _beside(f"{url.rstrip('/')}/", WEIGHTS_FILE)
    (folder / ABOUT_FILE).unlink(missing_ok=True)  # it may have changed there
    hint = "Weights alone: say what they are with --encoder NAME --license SPDX --sha256 HEX"
    _fetch([Asked(_beside(weights, ABOUT_FILE), ABOUT_FILE, "file")], folder, progress, hint)
    try:
        about = read_about(folder / ABOUT_FILE)
    except CheckpointError as error:  # named by where it came from
        there = _beside(weights, ABOUT_FILE)
        raise CheckpointError(error.what, where=there, hint=error.hint) from error
    check_agreed(about, sha256, url)
    addresses = {WEIGHTS_FILE: weights}
    _fetch_verified(checksums(about), addresses, weights, folder, progress)


def fetch_weights(url: str, folder: Path, sha256: str, progress: Progress) -> Path:
    """Fetch one file of weights.

    Raises:
        CheckpointError: it cannot be fetched, or has another SHA-256.
    """
    name = f"weights{PurePosixPath(urlsplit(url).path).suffix}"
    _fetch_verified({name: sha256}, {name: url}, url, folder, progress)
    return folder / name


def check_agreed(about: About, sha256: str | None, where: str | Path) -> None:
    """Hold the checksum that somebody gave against the one in ``about.json``.

    Raises:
        CheckpointError: they differ.
    """
    if sha256 is not None and about.sha256 != sha256:
        raise CheckpointError(
            f"the weights' SHA-256 is said to be {about.sha256}, not the one of --sha256",
            where=where,
            hint="Ask who gave you the checksum: these are other weights",
        )


def check_sha256(text: str) -> str:
    """A SHA-256 as we write it.

    Raises:
        UsageFault: it is none.
    """
    if not is_sha256(text.lower()):
        raise UsageFault("a SHA-256 is 64 hexadecimal digits", where=f"--sha256 {text}")
    return text.lower()


def is_file(url: str) -> bool:
    """Whether an address is that of a file of weights."""
    return urlsplit(url).path.endswith(SUFFIXES)


def _beside(url: str, name: str) -> str:
    """The address of another file in the same folder."""
    parts = urlsplit(url)
    return urlunsplit(
        (parts.scheme, parts.netloc, parts.path.rpartition("/")[0] + f"/{name}", "", "")
    )


def _fetch_verified(
    wanted: Mapping[str, str],
    addresses: Mapping[str, str],
    beside: str,
    folder: Path,
    progress: Progress,
) -> None:
    """Fetch files with their SHA-256, from ``addresses`` or beside ``beside``."""
    asked = []
    for name, sha256 in wanted.items():
        place = folder / name
        if place.is_file() and file_hash(place, "sha256") != sha256:
            place.unlink()  # of an earlier try, and changed since
        asked.append(
            Asked(addresses.get(name) or _beside(beside, name), name, "file", sha256=sha256)
        )
    _fetch(asked, folder, progress, "Run the same command again")


def _fetch(asked: Sequence[Asked], folder: Path, progress: Progress, hint: str) -> None:
    fetched = fetch_files(
        asked, folder, Manner(), earlier={}, description="pull", progress=progress
    )
    for failure in fetched.failures:
        raise CheckpointError(
            f"'{failure.file}' cannot be fetched: {REASONS[failure.reason].explanation}",
            where=failure.url,
            hint=hint,
        )
