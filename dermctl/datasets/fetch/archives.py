"""Unpacks zip archives that may be damaged or malicious, file by file, so that it can be killed.

Nothing is written before every name in the archive has been looked at: no path that leaves the
folder, no link, no two files of one name, and no more bytes than the archive's size explains.
A file gets its name when its checksum has been verified. Zips inside the zip (PAD-UFES-20) are
unpacked in their place.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from dermctl.datasets.fetch.asked import is_safe
from dermctl.datasets.fetch.partial import PARTIAL_FOLDER
from dermctl.errors import DataError

MOST_EXPANSION = 50
"""Bytes unpacked for each byte of the archive, at most: tables shrink to a tenth, pictures not at
all."""
LEAST_CAP = 1 << 30
"""Bytes that any archive may unpack to."""
_DEPTH = 2  # an archive and those inside it
_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_BUFFER = 1 << 20


class UnsafeArchive(DataError):  # noqa: N818 - its siblings are faults too
    """An archive that is not unpacked at all; `code` is one of `failures.REASONS`."""

    def __init__(self, code: str, what: str, archive: Path) -> None:
        self.code = code
        super().__init__(what, where=archive)


@dataclass(frozen=True)
class Member:
    """One file out of an archive: its path below the folder, its size in bytes and its CRC-32."""

    file: str
    size: int
    crc32: int


@dataclass
class Unpacked:
    """What came out of an archive, and the paths of files at which it is damaged."""

    members: list[Member] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def unpack(
    archive: Path,
    folder: Path,
    into: str = ".",
    *,
    cap: int | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Unpacked:
    """Unpack `archive` into `folder / into`. A folder that holds all the rest is left out.

    Args:
        archive: a zip file.
        folder: what the paths of members are relative to.
        into: where to unpack it, below `folder`, with "/".
        cap: bytes that it may unpack to; None: 50 times its size, at least 1 GiB.
        advance: called after each file.

    Raises:
        UnsafeArchive: it is no zip archive, holds a link or a path that leaves the folder, or
            would unpack to more than `cap`.
        DataError: the disk has too little room.
    """
    budget = max(LEAST_CAP, MOST_EXPANSION * archive.stat().st_size) if cap is None else cap
    found = Unpacked()
    _unpack(archive, folder, PurePosixPath(into), found, budget, 1, advance)
    return found


def _unpack(
    archive: Path,
    folder: Path,
    into: PurePosixPath,
    found: Unpacked,
    budget: int,
    depth: int,
    advance: Callable[[], None],
) -> int:
    """Unpack one archive; returns what is left of the budget."""
    with _open(archive) as opened:
        infos = list(_checked(opened, archive))
        needed = sum(info.file_size for info in infos)
        if needed > budget:
            raise UnsafeArchive("too_large", f"unpacks to {needed:,} bytes", archive)
        budget -= needed
        root = _common_root(infos)
        targets = [str(into / info.filename.removeprefix(root)) for info in infos]
        _check_room(folder, infos, targets)
        for info, target in zip(infos, targets, strict=True):
            inner = depth < _DEPTH and target.lower().endswith(".zip")
            place = folder / PARTIAL_FOLDER / f"inner-{depth}.zip" if inner else folder / target
            if not _extract(opened, info, place, folder):
                found.damaged.append(target)
            elif inner:
                budget = _unpack_inner(place, folder, target, found, budget, depth, advance)
            else:
                found.members.append(Member(target, info.file_size, info.CRC))
            advance()
    return budget


def _unpack_inner(
    place: Path,
    folder: Path,
    target: str,
    found: Unpacked,
    budget: int,
    depth: int,
    advance: Callable[[], None],
) -> int:
    """Unpack an archive out of an archive into a folder of its own name."""
    try:
        into = PurePosixPath(target).with_suffix("")
        return _unpack(place, folder, into, found, budget, depth + 1, advance)
    except UnsafeArchive as unsafe:
        if unsafe.code != "not_an_archive":
            raise
        found.damaged.append(target)
        return budget
    finally:
        place.unlink(missing_ok=True)


def _open(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnsafeArchive("not_an_archive", f"no zip archive ({error})", archive) from error


def _checked(opened: zipfile.ZipFile, archive: Path) -> Iterator[zipfile.ZipInfo]:
    """The files of an archive, or UnsafeArchive for the first that cannot be trusted."""
    seen: set[str] = set()
    for info in opened.infolist():
        name = info.filename
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UnsafeArchive("unsafe_archive", f"'{name}' is a link", archive)
        if not is_safe(name.removesuffix("/")):
            raise UnsafeArchive("unsafe_archive", f"'{name}' is no path below a folder", archive)
        if info.is_dir() or name.startswith(_JUNK) or name.endswith(_JUNK):
            continue
        if name in seen:
            raise UnsafeArchive("unsafe_archive", f"'{name}' is in it twice", archive)
        seen.add(name)
        yield info


def _common_root(infos: list[zipfile.ZipInfo]) -> str:
    """The folder, with "/", that all files lie below; "" where there is none."""
    roots = {info.filename.partition("/")[0] for info in infos if "/" in info.filename}
    loose = any("/" not in info.filename for info in infos)
    return f"{roots.pop()}/" if len(roots) == 1 and not loose else ""


def _check_room(folder: Path, infos: list[zipfile.ZipInfo], targets: list[str]) -> None:
    """DataError where what is not there yet does not fit onto the disk."""
    needed = sum(
        info.file_size
        for info, target in zip(infos, targets, strict=True)
        if not (folder / target).exists()
    )
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"the disk has room for {free:,} bytes, and {needed:,} are to be unpacked",
            where=folder,
            hint="Free some space and run the same command again",
        )


def _extract(opened: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path, folder: Path) -> bool:
    """Write one file under a temporary name, then rename; False where the archive is damaged."""
    if _is_there(place, info):
        return True
    temporary = folder / PARTIAL_FOLDER / "member"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        with opened.open(info) as source, temporary.open("wb") as target:
            shutil.copyfileobj(source, target, _BUFFER)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        temporary.unlink(missing_ok=True)
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(place)
    return True


def _is_there(place: Path, info: zipfile.ZipInfo) -> bool:
    """Whether a run that was killed has got so far: by size and checksum."""
    try:
        if place.stat().st_size != info.file_size:
            return False
    except (FileNotFoundError, NotADirectoryError):
        return False
    crc = 0
    with place.open("rb") as file:
        while chunk := file.read(_BUFFER):
            crc = zlib.crc32(chunk, crc)
    return crc == info.CRC
