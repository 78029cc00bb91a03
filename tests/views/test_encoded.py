"""Whatever kind of file it is: upright RGB, at a size no larger than needed."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermctl.datasets.decoding import ImageFault
from dermctl.views.encoded import EncodedImage
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
    ("reduction", "scale"), [(1.0, 1), (1.9, 1), (2.0, 2), (3.9, 2), (4.0, 4), (7.9, 4), (99.0, 8)]
)
def test_a_jpeg_is_decoded_no_smaller_than_allowed(reduction, scale):
    pixels = EncodedImage(encoded(picture(803, 602))).pixels(reduction)
    assert pixels.shape == (-(-602 // scale), -(-803 // scale), 3)


def test_a_reduced_decoding_shows_the_same_picture():
    pixels = picture(640, 480)
    reduced = EncodedImage(encoded(pixels)).pixels(4.0)
    expected = np.asarray(Image.fromarray(pixels).resize((160, 120), Image.Resampling.BOX), float)
    assert np.abs(reduced - expected).mean() < 3


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


def test_a_turned_photograph_is_put_upright():
    exif = Image.Exif()
    exif[274] = 6  # the camera was held upright: turn clockwise to show
    image = EncodedImage(encoded(PICTURE, exif=exif))
    assert (image.width, image.height) == (90, 120)
    expected = np.rot90(EncodedImage(encoded(PICTURE)).pixels(exact=True), -1)
    assert np.array_equal(image.pixels(), expected)


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
def test_odd_files_are_read_or_refused_with_a_reason(real_data: Path):
    kinds = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp"}
    files = [file for file in (real_data / "odd_files").rglob("*") if file.suffix.lower() in kinds]
    assert files
    for file in files:
        with suppress(ImageFault):
            pixels = EncodedImage(file.read_bytes()).pixels()
            assert pixels.dtype == np.uint8
            assert pixels.shape[2] == 3
