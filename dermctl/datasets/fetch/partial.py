"""A file on its way: its bytes so far, and what is needed to go on with them another time.

All of it lies in the hidden folder `.partial` below the folder that is filled, which is gone once
nothing is on its way. The bytes come under a temporary name, with a note beside them of the
address and of the version (`ETag` or `Last-Modified`) that they belong to; the file gets its
name when it is whole and verified. So a process may be killed at any moment.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from dermctl.datasets.fetch.asked import Asked
from dermctl.datasets.fetch.content import unlike
from dermctl.files import write_json

PARTIAL_FOLDER = ".partial"
LOCK_FILE = "lock"
"""In that folder, while a download is under way."""


class Partial:
    """The bytes so far of one file.

    Args:
        folder: what is filled.
        asked: the file.
    """

    def __init__(self, folder: Path, asked: Asked) -> None:
        self.asked = asked
        self.place = folder / asked.file
        self._bytes = folder / PARTIAL_FOLDER / quote(asked.file, safe="")
        self._note = self._bytes.with_name(f"{self._bytes.name}.json")

    @property
    def size(self) -> int:
        """Bytes so far."""
        try:
            return self._bytes.stat().st_size
        except FileNotFoundError:
            return 0

    def resume(self) -> tuple[int, str | None, int | None]:
        """(bytes that can be gone on with, validator for `If-Range`, total size if known)."""
        note = self._read_note()
        if note.get("url") != self.asked.url or not (note.get("validator") or note.get("total")):
            self.discard()
            return 0, None, None
        return self.size, note.get("validator"), note.get("total")

    def begin(self, validator: str | None, total: int | None) -> BinaryIO:
        """Start anew, of this version and total size; the open file."""
        self._bytes.parent.mkdir(parents=True, exist_ok=True)
        # First the old bytes go, then comes the new note: never a note beside another's bytes.
        self._bytes.unlink(missing_ok=True)
        write_json(self._note, {"url": self.asked.url, "validator": validator, "total": total})
        return self._bytes.open("wb")

    def go_on(self) -> BinaryIO:
        """Go on at the end of the bytes so far; the open file."""
        return self._bytes.open("ab")

    def discard(self) -> None:
        """Forget the bytes so far."""
        self._bytes.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> str | None:
        """Verify size, checksums and kind, and give the file its name; or the reason why not."""
        reason = self._fault()
        if reason is not None:
            self.discard()
            return reason
        self.place.parent.mkdir(parents=True, exist_ok=True)
        self._note.unlink(missing_ok=True)
        self._bytes.replace(self.place)
        return None

    def _fault(self) -> str | None:
        asked = self.asked
        if asked.size is not None and self.size != asked.size:
            # A page that says why is told apart from a file that has changed.
            return _final_kind(asked, self._bytes) or "wrong_size"
        for name, expected in (("md5", asked.md5), ("sha256", asked.sha256)):
            if expected is not None and file_hash(self._bytes, name) != expected.lower():
                return _final_kind(asked, self._bytes) or "wrong_checksum"
        return unlike(asked.kind, self._bytes)

    def _read_note(self) -> dict[str, Any]:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}


def _final_kind(asked: Asked, path: Path) -> str | None:
    reason = unlike(asked.kind, path)
    return reason if reason != "half_an_image" else None


def file_hash(path: Path, name: str) -> str:
    """The MD5 or SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.new(name, usedforsecurity=False)
        ).hexdigest()


def tidy(folder: Path, on_their_way: Iterable[str] = (), keep: Iterable[str] = ()) -> None:
    """Leave in the hidden folder only what can be gone on with.

    Args:
        folder: what is filled.
        on_their_way: files whose beginnings stay.
        keep: names in the hidden folder that stay as well.
    """
    hidden = folder / PARTIAL_FOLDER
    if not hidden.is_dir():
        return
    kept = {quote(file, safe="") for file in on_their_way}
    kept |= {f"{name}.json" for name in kept} | set(keep)
    for entry in hidden.iterdir():
        held = sys.platform == "win32" and entry.name == LOCK_FILE  # it removes no open file
        if held or entry.name in kept:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    with suppress(OSError):  # it is not empty
        hidden.rmdir()
