from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermctl.datasets.fetch.content import unlike
from tests.made import jpeg


def encoded(kind: str, **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def verdict(tmp_path: Path, data: bytes, kind: str = "image") -> str | None:
    path = tmp_path / "file"
    path.write_bytes(data)
    return unlike(kind, path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000", "AVIF"])
def test_pictures_of_every_kind_are_pictures(tmp_path, kind):
    assert verdict(tmp_path, encoded(kind)) is None


@pytest.mark.parametrize(
    "data", [b"", b"<html></html>", b'{"error": 1}', b"%PDF-1.4", b"RIFF....WAVE", b"\xff\xd8"]
)
def test_other_things_are_not(tmp_path, data):
    assert verdict(tmp_path, data) == "not_an_image"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_the_beginning_of_a_picture_is_half_a_picture(tmp_path, kind, part):
    data = encoded(kind)
    assert verdict(tmp_path, data[: int(part * len(data))]) == "half_an_image"


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture(tmp_path):
    thumbnail = jpeg(1, side=16)
    exif = b"Exif\0\0" + thumbnail
    data = jpeg(0)
    whole = data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    assert Image.open(io.BytesIO(whole)).size == (40, 40)
    assert verdict(tmp_path, whole) is None
    assert verdict(tmp_path, whole[:-200]) == "half_an_image"


def test_what_follows_the_end_does_not_matter(tmp_path):
    assert verdict(tmp_path, jpeg(0) + b"\0" * 100) is None
    assert verdict(tmp_path, encoded("PNG") + b"<!-- -->") is None


@pytest.mark.parametrize("options", [{"progressive": True}, {"quality": 5}, {"optimize": True}])
def test_jpegs_as_they_come(tmp_path, options):
    assert verdict(tmp_path, encoded("JPEG", **options)) is None


@pytest.mark.real_data
def test_every_real_photograph_has_its_end(real_data):
    files = sorted((real_data / "ham10000" / "images").glob("*.jpg"))[:300]
    files += sorted((real_data / "pad-ufes-20").rglob("*.png"))[:100]
    assert len(files) == 400
    assert {unlike("image", path) for path in files} == {None}


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"a,b\n1,2\n", "table", None),
        (b"\xef\xbb\xbf<!doctype html>", "table", "not_a_table"),
        (b"PK\x05\x06" + bytes(18), "archive", None),
        (b"<html>", "archive", "not_an_archive"),
        (b"[]", "json", None),
        (b"Bad Gateway", "json", "server_error"),
    ],
)
def test_other_kinds(tmp_path, data, kind, reason):
    assert verdict(tmp_path, data, kind) == reason


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>", b"\n <html lang='en'>", b"<?xml "])
def test_any_file_but_a_web_page(tmp_path, page):
    assert verdict(tmp_path, page, "file") == "web_page"
    for data in (b"<\x02\0\0\0\0\0\0{", b"PK\x03\x04", b"{}", b""):
        assert verdict(tmp_path, data, "file") is None
