"""Whatever kind of file it is: upright RGB, at a size no larger than needed."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from dermctl.datasets.decoding import ImageFault, decode_rgb
from dermctl.views.encoded import EncodedImage, decoding_scale
from dermctl.views.exif import exif_orientation
from tests.views.pictures import encoded, picture

PICTURE = picture(120, 90)


def test_a_jpeg_tells_its_size_before_it_is_decoded():
    image = EncodedImage(encoded(PICTURE))
    assert (image.width, image.height) == (120, 90)
    assert image._pixels is None


def test_exact_decoding_is_pillows():
    data = encoded(PICTURE)
    theirs = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(EncodedImage(data).pixels(exact=True), theirs)


def test_fast_decoding_is_nearly_exact():
    image = EncodedImage(encoded(PICTURE))
    apart = np.abs(image.pixels().astype(int) - image.pixels(exact=True))
    assert 0 < apart.mean() < 3.5


@pytest.mark.parametrize(
    ("reduction", "scale"), [(1.0, 1), (1.9, 1), (2.0, 2), (3.1, 2), (3.2, 4), (6.3, 4), (99.0, 8)]
)
def test_a_jpeg_is_decoded_no_smaller_than_allowed(reduction, scale):
    assert decoding_scale(reduction) == scale
    pixels = EncodedImage(encoded(picture(803, 602))).pixels(reduction)
    assert pixels.shape == (-(-602 // scale), -(-803 // scale), 3)


def test_a_reduced_decoding_shows_the_same_picture():
    pixels = picture(640, 480)
    reduced = EncodedImage(encoded(pixels)).pixels(4.0)
    expected = np.asarray(Image.fromarray(pixels).resize((160, 120), Image.Resampling.BOX), float)
    assert np.abs(reduced - expected).mean() < 3


LARGE = picture(1203, 905)  # its files are read to their end only when they are decoded


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}], ids=["plain", "restarts"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_rows_that_are_not_needed_are_not_decoded(mode, subsampling, options, tmp_path):
    file = tmp_path / "large.jpg"
    Image.fromarray(LARGE).convert(mode).save(
        file, quality=95, subsampling=subsampling, comment=b"-" * 40_000, **options
    )
    for scale in (1, 2, 4, 8):
        whole = EncodedImage.of_file(file).pixels(scale)
        for rows in (1, 100, 704, 888, 905):
            image = EncodedImage.of_file(file)
            upper, needed = image.pixels(scale, rows=rows), -(-rows // scale)
            assert image._pixels is None, "the fast way was taken"
            assert np.array_equal(upper[:needed], whole[:needed])
            assert needed <= len(upper) <= min(len(whole), needed + 48 // scale)
    assert np.array_equal(image.pixels(exact=True), np.asarray(Image.open(file).convert("RGB")))


@pytest.mark.parametrize("options", [{"progressive": True}, {"quality": 20}])
def test_all_rows_are_decoded_where_it_cannot_be_otherwise(options, tmp_path):
    file = tmp_path / "large.jpg"
    file.write_bytes(encoded(LARGE, comment=b"-" * 60_000, **options))
    image = EncodedImage.of_file(file)
    assert (image.width, image.height) == (1203, 905)
    if "progressive" in options:
        assert image.pixels(rows=10).shape == LARGE.shape
    else:
        assert len(image.pixels(rows=10)) == 32


def test_a_header_beyond_the_beginning_of_the_file_is_found(tmp_path):
    file = tmp_path / "large.jpg"
    exif = Image.Exif()
    exif[271] = "a" * 60_000
    file.write_bytes(encoded(LARGE, exif=exif, comment=b"-" * 60_000))
    image = EncodedImage.of_file(file)
    assert (image.width, image.height) == (1203, 905)
    assert image._pixels is None, "the fast way was taken"
    assert np.abs(image.pixels().astype(int) - LARGE).mean() < 4


@pytest.mark.parametrize("needed", [100, 905])
def test_damage_in_the_rows_that_are_needed_or_a_missing_end_is_found(needed, tmp_path):
    file = tmp_path / "large.jpg"
    data = encoded(LARGE, quality=95)
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageFault, match="ends before"):
        EncodedImage.of_file(file).pixels(rows=needed)
    damaged = bytearray(data)
    damaged[2000:2010] = b"\xff\x00" * 5
    damaged[2010:2012] = b"\xff\xd9"
    file.write_bytes(damaged)
    with pytest.raises(ImageFault):
        EncodedImage.of_file(file).pixels(rows=needed)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP"])
def test_other_formats_are_decoded_whole(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    image = EncodedImage(encoded(PICTURE, kind, **options))
    assert (image.width, image.height) == (120, 90)
    assert np.array_equal(image.pixels(8.0), PICTURE)


def test_a_grey_jpeg_becomes_rgb():
    buffer = io.BytesIO()
    Image.fromarray(PICTURE[..., 0]).save(buffer, "JPEG", quality=95)
    pixels = EncodedImage(buffer.getvalue()).pixels()
    assert pixels.shape == (90, 120, 3)
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_put_upright(orientation):
    exif = Image.Exif()
    exif[271], exif[274], exif[305] = "a camera", orientation, "a program"
    data = encoded(PICTURE, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    image = EncodedImage(data)
    assert (image.height, image.width) == upright.shape[:2]
    assert np.array_equal(image.pixels(exact=True), upright)
    assert exif_orientation(data) == orientation


@pytest.mark.parametrize("order", [("<", b"II"), (">", b"MM")])
def test_both_byte_orders_of_exif_are_read(order):
    sign, mark = order
    directory = struct.pack(f"{sign}HHHIHH", 1, 274, 3, 1, 6, 0)
    block = b"Exif\0\0" + mark + struct.pack(f"{sign}HI", 42, 8) + directory
    assert exif_orientation(b"\xff\xd8\xff\xe1.." + block) == 6


@given(st.binary(max_size=60))
def test_malformed_exif_counts_as_upright_or_as_what_it_says(noise):
    assert exif_orientation(noise) == 1
    for mark in (b"II*\0", b"MM\0*"):
        assert 1 <= exif_orientation(b"Exif\0\0" + mark + noise) <= 8


@pytest.mark.parametrize("data", [b"", b"\xff\xd8 no more", b"not an image at all"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(ImageFault):
        EncodedImage(data).pixels()


def test_a_truncated_jpeg_is_refused():
    data = encoded(PICTURE)
    with pytest.raises(ImageFault, match="ends before"):
        EncodedImage(data[: len(data) // 2]).pixels()


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_odd_files_meet_the_verdict_that_they_met_when_they_were_prepared(real_data: Path):
    files = [file for file in sorted((real_data / "odd_files").rglob("*")) if file.is_file()]
    verdicts = {
        file.name: (
            verdict(file, lambda data: decode_rgb(data).pixels),
            verdict(file, lambda data: EncodedImage(data).pixels(exact=True)),
        )
        for file in files
    }
    assert {name: both for name, both in verdicts.items() if both[0] != both[1]} == {}
    refused = [name for name, (one, _) in verdicts.items() if isinstance(one, str)]
    assert 0 < len(refused) < len(files)


def verdict(file: Path, decode: Callable[[bytes], np.ndarray]) -> str | tuple[int, ...]:
    """Shape of the picture, or the reason why there is none."""
    try:
        return decode(file.read_bytes()).shape
    except ImageFault as fault:
        return fault.code
