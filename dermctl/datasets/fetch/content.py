"""Whether bytes are what was asked for, by the bytes themselves: a web page may come as 200 OK."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from dermctl.datasets.fetch.asked import Kind

_IMAGE_SIGNATURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",  # TIFF
    b"MM\0*",
    b"\0\0\0\x0cjP  ",  # JPEG 2000
)
_BRANDS = (b"avif", b"heic", b"heix", b"mif1")
_PAGES = (b"<!doctype", b"<html", b"<?xml")
_HEAD = 512
_TAIL = 1 << 16


def unlike(kind: Kind, path: Path) -> str | None:
    """The reason why the file at `path` is not of this `kind`, or None."""
    if kind == "archive":
        return None if zipfile.is_zipfile(path) else "not_an_archive"
    if kind == "json":
        return None if _is_json(path) else "server_error"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if kind == "file":
        return "web_page" if head.lstrip().lower().startswith(_PAGES) else None
    if kind == "table":
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return None if text and not text.startswith(b"<") else "not_a_table"
    if not is_image(head):
        return "not_an_image"
    return None if _has_its_end(path) else "half_an_image"


def is_image(head: bytes) -> bool:
    """Whether a file that begins with `head` (16 bytes or more) calls itself a picture."""
    if head.startswith(b"RIFF"):
        return head[8:12] == b"WEBP"
    if head[4:8] == b"ftyp":
        return head[8:12] in _BRANDS
    return head.startswith(_IMAGE_SIGNATURES)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _has_its_end(path: Path) -> bool:
    """False where a JPEG, PNG or WebP ends early; what follows its end does not matter."""
    data = path.read_bytes()
    if data.startswith(b"\xff\xd8"):
        return data.find(b"\xff\xd9", _start_of_scan(data)) >= 0
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-_TAIL:]
    if data.startswith(b"RIFF"):
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    return True


def _start_of_scan(data: bytes) -> int:
    """Where the pixels of a JPEG begin, past thumbnails, which have an end marker of their own."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            return at
        if marker == 0xFF or 0xD0 <= marker <= 0xD7 or marker == 0x01:  # fill bytes, no length
            at += 1 if marker == 0xFF else 2
            continue
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
