"""Finds image files: one scan of the raw folder, then look-ups by name."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from dermctl.datasets.sources.base import RowFault

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
"""What photographs of skin are stored as. In lower case; a file's own may be in any case."""
_RARER = (".jfif", ".jpe", ".mpo", ".gif", ".jp2", ".ppm", ".avif", ".heic", ".heif")
_ALL = (*EXTENSIONS, *_RARER)
"""What is looked at as a picture; some of it only to be rejected with a reason."""


class ImageFiles:
    """The image files of one raw folder, found by name whatever the case and the extension.

    Args:
        paths: every image, relative to the raw folder, with "/", sorted.
        folders: folders that the layout expects images in, preferred in this order; they may
            hold wildcards; "." is the raw folder itself.
        default_extension: what a name without an extension is expected to end in.
        others: every other file, likewise. A row may name one of them, by its whole name.
    """

    def __init__(
        self,
        paths: Sequence[str],
        folders: Sequence[str] = (".",),
        default_extension: str = ".jpg",
        others: Sequence[str] = (),
    ) -> None:
        self.paths, self.others = list(paths), list(others)
        self._folders = list(folders)
        self._default_extension = default_extension
        self._by_path: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        for path in self.paths:
            stem = _without_extension(path).lower()
            self._by_path.setdefault(stem, []).append(path)
            self._by_name.setdefault(stem.rpartition("/")[2], []).append(path)
        self._other: dict[str, list[str]] = {}  # whole name or path → what is called so
        for path in self.others:
            for name in {path, path.rpartition("/")[2]}:
                self._other.setdefault(name, []).append(path)
        parents = {_parent(path) for path in self.paths}
        used = [folder for folder in self._folders if fnmatch.filter(parents, folder)]
        self._usual_folder = (used or self._folders)[0]
        self._named: set[str] = set()
        self._copies: dict[str, list[str]] = {}  # chosen path → others of the same name

    def find(self, name: str) -> str | None:
        """Find the file that `name` means, or None.

        Args:
            name: a file name, with or without its extension, in whichever folder it lies; or a
                path relative to the raw folder, with "/".
        """
        found = self._candidates(name)
        if not found:
            return None
        best = min(found, key=self._preference)
        if len(found) > 1:
            self._copies[best] = [path for path in found if path != best]
        self._named.add(best)
        return best

    def expected(self, name: str) -> str:
        """Where the file for `name` was looked for, relative to the raw folder."""
        file = name if _has_extension(name) else name + self._default_extension
        return file if "/" in name or self._usual_folder == "." else f"{self._usual_folder}/{file}"

    def unlisted(self) -> list[str]:
        """Files that nothing asked for so far, less the copies, which are faults."""
        known = self._named.union(*self._copies.values())
        return [path for path in self.paths if path not in known]

    def faults(self) -> list[RowFault]:
        """The names that several files answer to."""
        faults: list[RowFault] = []
        for best, others in sorted(self._copies.items()):
            copies = ", ".join(path for path in others if path not in self._named)
            if copies:
                detail = f"{best} is used, not {copies} of the same name"
                faults.append(RowFault("ambiguous_file", detail, best))
        return faults

    def _candidates(self, name: str) -> list[str]:
        """The files that answer to `name`; the exact ones alone where there are such.

        What does not look like a picture answers last, to its whole name only: what it really is
        the checks will say.
        """
        lower = name.lower()
        stem = _without_extension(lower)
        found = self._by_path.get(stem) or ([] if "/" in stem else self._by_name.get(stem, []))
        found = found or self._other.get(name, [])
        if name in found:
            return [name]
        exact = [path for path in found if f"/{path.lower()}".endswith(f"/{lower}")]
        return exact or found

    def _preference(self, path: str) -> tuple[int, int, bool, str]:
        parent = _parent(path)
        ranks = [i for i, folder in enumerate(self._folders) if fnmatch.fnmatch(parent, folder)]
        rare = path.lower().endswith(_RARER)
        return min(ranks, default=len(self._folders)), path.count("/"), rare, path


def scan_images(
    raw: Path, folders: Sequence[str] = (".",), default_extension: str = ".jpg"
) -> ImageFiles:
    """Scan `raw` once, with all below it; hidden files and folders are passed over."""
    files = sorted(_walk(raw, "", set()))
    images = [path for path in files if _has_extension(path)]
    others = [path for path in files if not _has_extension(path)]
    return ImageFiles(images, folders, default_extension, others)


def _walk(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterable[str]:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:  # a link back to a folder already scanned
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if entry.is_dir():
                yield from _walk(folder / entry.name, f"{prefix}{entry.name}/", seen)
            else:
                yield prefix + entry.name


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _has_extension(name: str) -> bool:
    return name.lower().endswith(_ALL)


def _without_extension(name: str) -> str:
    return name.rpartition(".")[0] if _has_extension(name) else name
