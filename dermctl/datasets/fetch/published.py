"""The files that a publisher offers: fetched, verified, archives unpacked and not kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dermctl.datasets.fetch.archives import UnsafeArchive, unpack
from dermctl.datasets.fetch.asked import Asked, Kind
from dermctl.datasets.fetch.failures import Failure
from dermctl.datasets.fetch.many import Fetched, Manner, fetch_files
from dermctl.datasets.fetch.partial import file_hash
from dermctl.datasets.fetch.unpacked import is_whole, read_unpacked, record_unpacked
from dermctl.datasets.sources.base import Download
from dermctl.errors import DataError
from dermctl.progress import SILENT, Progress


@dataclass(frozen=True)
class Published:
    """What came of it.

    Args:
        files: files that are there now: plain ones, and those that came out of archives.
        fetched: what was fetched in this run.
        failures: all that is not there, members of archives among it.
    """

    files: int
    fetched: Fetched
    failures: tuple[Failure, ...]


def fetch_published(
    downloads: Sequence[Download],
    folder: Path,
    manner: Manner,
    *,
    earlier: Mapping[str, Failure],
    progress: Progress = SILENT,
) -> Published:
    """Get each file that is not there, and unpack the archives.

    An archive of the right name that lies in `folder` already, fetched by other means, is
    verified and unpacked too.

    Args:
        downloads: the files.
        folder: the raw folder.
        manner: how to fetch.
        earlier: final failures of earlier runs, by file.
        progress: where it is reported.

    Raises:
        DataError: such an archive is not the published one; the disk is full.
    """
    wanted = [file for file in downloads if not _is_done(file, folder, manner, earlier)]
    asked = [_asked(file) for file in wanted]
    brought = [file for file in wanted if (folder / file.filename).is_file()]
    fetched = fetch_files(asked, folder, manner, earlier=earlier, progress=progress)
    failures = [*fetched.failures]
    for file in downloads:
        if not file.is_archive:
            continue
        place = folder / file.filename
        if place.is_file():
            if file in brought:
                _verify(file, place)
            failures += _unpack(file, folder, progress)
            place.unlink()
        else:
            failures += _damage(file, earlier)
    members = read_unpacked(folder)
    files = sum(
        len(members.get(file.filename, ()))
        if file.is_archive
        else (folder / file.filename).is_file()
        for file in downloads
    )
    return Published(files, fetched, tuple(failures))


def _is_unpacked(file: Download, folder: Path) -> bool:
    members = read_unpacked(folder).get(file.filename)
    return members is not None and is_whole(folder, members)


def _is_done(file: Download, folder: Path, manner: Manner, earlier: Mapping[str, Failure]) -> bool:
    """Whether an archive need not be fetched: a damaged one is fetched anew with --retry-failed."""
    mended = manner.retry_failed and bool(_damage(file, earlier))
    return file.is_archive and not mended and _is_unpacked(file, folder)


def _damage(file: Download, earlier: Mapping[str, Failure]) -> list[Failure]:
    """The files at which an archive was found damaged."""
    return [
        failure
        for failure in earlier.values()
        if failure.url == file.url and failure.reason == "damaged_member"
    ]


def _asked(file: Download) -> Asked:
    kind: Kind = "archive" if file.is_archive else "table"
    return Asked(file.url, file.filename, kind, file.size, file.md5, file.sha256)


def _verify(file: Download, place: Path) -> None:
    size = place.stat().st_size
    wrong = file.size is not None and size != file.size
    for name, expected in (("md5", file.md5), ("sha256", file.sha256)):
        wrong = wrong or (expected is not None and file_hash(place, name) != expected)
    if wrong:
        raise DataError(
            "this archive, which was there already, is not the published one",
            where=place,
            hint="Remove it and run the same command again",
        )


def _unpack(file: Download, folder: Path, progress: Progress) -> list[Failure]:
    with progress.task(f"unpack {file.filename}", None, "files") as task:
        try:
            found = unpack(folder / file.filename, folder, file.folder, advance=task.advance)
        except UnsafeArchive as unsafe:
            progress.say(f"warning: {unsafe}")
            return [Failure(file.url, file.filename, None, 1, unsafe.code)]
    record_unpacked(folder, file.filename, found.members)
    return [Failure(file.url, member, None, 1, "damaged_member") for member in found.damaged]
