from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from dermctl.report.evaluated import Mistake
from dermctl.report.pictures import as_picture, data_address, relative_link


def encoded(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 150, 120)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_embedded_byte_by_byte(kind):
    picture = encoded(kind)
    head, _, body = data_address(picture).partition(",")
    assert head == f"data:image/{kind.lower()};base64"
    assert base64.b64decode(body) == picture


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="JPEG, PNG or WebP"):
        data_address(b"<svg onload=alert(1)>")


@pytest.mark.parametrize(
    "link",
    ["https://example.org/a.jpg", "//example.org/a.jpg", "javascript:alert(1)", "file:///a", "/a"],
)
def test_a_link_stays_beside_the_page(link):
    with pytest.raises(ValueError, match="relative"):
        relative_link(link)


def test_a_relative_link_is_quoted():
    assert relative_link('images/a b"c.jpg') == "images/a%20b%22c.jpg"


def test_the_probability_is_written_in_per_cent():
    assert as_picture(Mistake("x", "a", "b", 0.8764)).percent == "87.6"
    assert as_picture(Mistake("x", "a", "b", 1.0)).percent == "100.0"
