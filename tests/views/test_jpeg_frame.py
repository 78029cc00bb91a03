"""Where the height of a JPEG stands, and when it may be changed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dermctl.views.jpeg_frame import Frame, read_frame, with_height
from tests.views.pictures import encoded, picture

PICTURE = picture(64, 48)


@pytest.mark.parametrize(("subsampling", "unit"), [(0, 8), (1, 8), (2, 16)])
def test_the_height_stands_where_it_is_said_to(subsampling, unit):
    data = bytearray(encoded(PICTURE, subsampling=subsampling, comment=b"\xff\xc0 a frame?"))
    frame = read_frame(memoryview(data))
    assert frame is not None
    assert frame.unit == unit
    assert int.from_bytes(data[frame.height_at : frame.height_at + 2], "big") == 48
    with_height(memoryview(data), frame, 16)
    assert Image.open(io.BytesIO(data)).size == (64, 16)


@pytest.mark.parametrize(
    ("rows", "decoded"), [(1, 32), (16, 32), (17, 48), (64, 80), (90, 100), (100, 100)]
)
def test_one_unit_more_than_needed_is_decoded(rows, decoded):
    assert Frame(0, 16).rows_to_decode(rows, 100) == decoded


def test_a_progressive_jpeg_cannot_be_cut_short():
    assert read_frame(memoryview(encoded(PICTURE, progressive=True))) is None


def test_a_jpeg_with_one_colour_after_another_cannot_be_cut_short():
    data = bytearray(encoded(PICTURE))
    scan = data.index(b"\xff\xda")
    data[scan + 4] = 1  # its first scan holds one colour of three
    assert read_frame(memoryview(data)) is None


@given(st.binary(max_size=80))
def test_what_is_malformed_cannot_be_cut_short_or_names_a_place_in_it(noise):
    data = memoryview(b"\xff\xd8" + noise)
    frame = read_frame(data)
    assert frame is None or 0 < frame.height_at < len(data) - 1
