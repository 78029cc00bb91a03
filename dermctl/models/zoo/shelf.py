"""A zoo's folder: which encoders lie in it, the one that a name means, and room for another."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dermctl.errors import CheckpointError, DermctlError, UsageFault
from dermctl.files import settle, sole_writer, swap_folder
from dermctl.models.zoo.about import ABOUT_FILE, About, read_about
from dermctl.workspace import check_name, is_name

WEIGHTS_FILE = "encoder.safetensors"
RESERVED = frozenset({"imagenet", "none"})
"""Words that ``--init`` and ``--from`` know already."""
_SHOWN = 12
"""Characters of a checksum that people read."""


@dataclass(frozen=True)
class Damaged:
    """A folder of the zoo whose ``about.json`` cannot be read."""

    name: str
    what: str


def is_entry(path: Path) -> bool:
    """Whether a path is the folder of a zoo's encoder."""
    return (path / ABOUT_FILE).is_file()


def entry_names(zoo: Path) -> list[str]:
    """Names of the encoders in a zoo, sorted; none where there is no such folder."""
    for aside in zoo.glob(".*.old"):  # a swap that was cut short
        settle(zoo / aside.name[1 : -len(".old")])
    return sorted(path.name for path in zoo.glob("*") if is_name(path.name) and is_entry(path))


def entries(zoo: Path) -> tuple[list[tuple[str, About]], list[Damaged]]:
    """All encoders of a zoo, with their names here, and what cannot be read."""
    found: list[tuple[str, About]] = []
    damaged: list[Damaged] = []
    for name in entry_names(zoo):
        try:
            found.append((name, read_about(zoo / name / ABOUT_FILE)))
        except DermctlError as error:
            damaged.append(Damaged(name, str(error)))
    return found, damaged


def named(text: str, zoo: Path | None, *, others: str = "") -> Path:
    """The file or folder that ``text`` is the path of; else the zoo's encoder of that name.

    Args:
        text: as it stands behind ``--init`` or ``--from``.
        zoo: None: there is none.
        others: further words that could have been meant, for the hint.

    Raises:
        CheckpointError: it is neither; the nearest name is given.
    """
    path = Path(text)
    if path.exists():
        return path
    if zoo is not None and is_name(text):
        settle(zoo / text)
        if is_entry(zoo / text):
            return zoo / text
    names = [] if zoo is None else entry_names(zoo)
    near = difflib.get_close_matches(text, names, n=1, cutoff=0.5)
    also = f", or take {others}" if others else ""
    raise CheckpointError(
        "no such checkpoint or weights"
        + ("" if zoo is None else f", and no encoder of that name in {zoo}/"),
        where=path,
        hint=f"Did you mean '{near[0]}'? What there is: dermctl zoo list"
        if near
        else f"Name a file{also}. What the zoo has: dermctl zoo list",
    )


def origin(path: Path) -> str:
    """How results name weights that something started from: a zoo's with their checksum.

    Raises:
        CheckpointError: the entry's ``about.json`` is damaged.
    """
    if not is_entry(path):
        return str(path)
    return f"{path.name} (zoo, sha256 {short(read_about(path / ABOUT_FILE).sha256)})"


def zoo_origin(text: str | None, zoo: Path) -> str | None:
    """The same for what stands behind ``--init``, where it means an encoder of the zoo.

    Raises:
        CheckpointError: see ``named`` and ``origin``.
    """
    if text is None or text in RESERVED:
        return None
    path = named(text, zoo, others="--init imagenet")
    return origin(path) if is_entry(path) else None


def short(sha256: str) -> str:
    """The beginning of a checksum, for people."""
    return sha256[:_SHOWN]


def check_free(zoo: Path, name: str, *, replace: bool) -> Path:
    """The place of a new encoder.

    Raises:
        UsageFault: no encoder can have this name.
        CheckpointError: another has it, and is not to be replaced.
    """
    place = zoo / check_name(name)
    if name in RESERVED:
        raise UsageFault(
            f"'{name}' cannot be a name: --init and --from mean something else by it",
            hint="Take another name",
        )
    if is_entry(place) and not replace:
        raise CheckpointError(
            f"the zoo has an encoder '{name}' already",
            where=place,
            hint="Take another name, or --replace",
        )
    if place.exists() and not is_entry(place):
        raise CheckpointError("something else is there", where=place, hint="Take another name")
    return place


@contextmanager
def new_entry(zoo: Path, name: str, *, replace: bool) -> Iterator[Path]:
    """A hidden folder to be filled, which becomes the entry when the block ends well.

    Killed at any moment, it leaves what was there, or the new entry whole.

    Raises:
        UsageFault, CheckpointError: see ``check_free``.
        DataError: another command writes this entry.
    """
    place = check_free(zoo, name, replace=replace)
    with sole_writer(place):
        check_free(zoo, name, replace=replace)
        new = place.with_name(f".{name}.new")
        shutil.rmtree(new, ignore_errors=True)  # of one that was killed
        new.mkdir(parents=True)
        try:
            yield new
            swap_folder(new, place)
        finally:
            shutil.rmtree(new, ignore_errors=True)
