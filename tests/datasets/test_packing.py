from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dermctl.datasets.decoding import decode_rgb
from dermctl.datasets.examine import pack_image
from dermctl.datasets.packing import JPEG_QUALITY, pack, packed_size, shrink
from tests.benchmarks.photographs import data_folder, encoded, native_photographs, photograph, psnr
from tests.datasets.image_files import file_of, opened, picture

LANCZOS = Image.Resampling.LANCZOS


@pytest.fixture(scope="module")
def photographs() -> list[Path]:
    """Real ones where there are any; the tests below hold for generated texture too."""
    return native_photographs(data_folder())


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [(600, 450, (341, 256)), (450, 600, (256, 341)), (256, 999, (256, 999)), (3, 2, (3, 2))],
)
def test_the_short_side_is_brought_to_the_size_and_never_enlarged(width, height, expected):
    assert packed_size(width, height, 256) == expected
    assert opened(pack(picture(width, height), 256)).size == expected


@pytest.mark.parametrize("width", [280, 320, 340, 450, 600, 725, 1100])
def test_shrinking_is_near_lanczos(width, photographs):
    for number in range(3):
        pixels = photograph(photographs, number, width, width * 3 // 4 + 50)
        ours = shrink(pixels, 200)
        lanczos = Image.fromarray(pixels).resize((ours.shape[1], ours.shape[0]), LANCZOS)
        assert psnr(ours, np.asarray(lanczos)) >= 40


@pytest.mark.parametrize(("width", "height"), [(600, 450), (750, 500), (620, 512)])
def test_the_sizes_met_most_are_nearer_still(width, height, photographs):
    for number in range(3):
        pixels = photograph(photographs, number, width, height)
        lanczos = Image.fromarray(pixels).resize(packed_size(width, height, 256), LANCZOS)
        assert psnr(shrink(pixels, 256), np.asarray(lanczos)) >= 45


@pytest.mark.parametrize("width", [256, 300, 400, 500, 700, 900])
def test_pixels_are_kept_unless_they_may_be_overwritten(width):
    pixels = picture(width, width)
    kept = pixels.copy()
    shrunk = shrink(pixels, 256)
    assert np.array_equal(pixels, kept)
    assert np.array_equal(shrink(pixels, 256, overwrite=True), shrunk)
    kept.flags.writeable = False
    assert np.array_equal(shrink(kept, 256, overwrite=True), shrunk)


def test_what_is_finer_than_the_result_is_averaged_away():
    """Stripes of one pixel become grey; without averaging they would become broad stripes."""
    for width in (300, 410, 512, 700, 1100):
        stripes = np.zeros((width, width, 3), np.uint8)
        stripes[:, ::2] = 255
        inner = shrink(stripes, 100)[5:-5, 5:-5].astype(int)
        assert np.abs(inner - 127.5).max() < 30, width


@pytest.mark.parametrize(
    ("width", "height"),
    [(600, 450), (513, 513), (515, 519), (690, 685), (1023, 767), (1025, 1029)],
)
@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 98, "subsampling": 0}])
def test_a_jpeg_decoded_at_a_fraction_is_near_lanczos_of_the_whole(
    width, height, options, photographs
):
    for number in range(2):
        data = encoded(photograph(photographs, number, width, height), "JPEG", **options)
        size = packed_size(width, height, 256)
        lanczos = np.asarray(opened(data).resize(size, LANCZOS))
        pixels = shrink(decode_rgb(data, min_short_side_needed=256).pixels, 256)
        assert psnr(pixels, lanczos) >= 40
        assert psnr(np.asarray(opened(pack_image(data, 256))), lanczos) >= 33


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 900),
    height=st.integers(1, 900),
    size=st.integers(16, 200),
)
def test_a_scaled_decode_is_packed_to_the_size_the_original_gives(width, height, size):
    data = file_of(np.zeros((height, width, 3), np.uint8), "JPEG")
    packed = pack_image(data, size)
    assert opened(packed).size == packed_size(width, height, size)


def test_lossless_keeps_every_pixel():
    packed = pack(picture(), 256, lossless=True)
    assert opened(packed).format == "PNG"
    assert np.array_equal(np.asarray(opened(packed)), picture())


def test_the_quality_is_that_of_the_constant():
    ours, pillows = (
        opened(pack(picture())),
        opened(file_of(picture(), "JPEG", quality=JPEG_QUALITY)),
    )
    assert ours.quantization == pillows.quantization


def full_of_metadata(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 14.0), 3: "E", 4: (11.0, 34.0, 31.0)})
    return file_of(picture(), kind, exif=exif, comment=b"a patient's name", dpi=(300, 300))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("lossless", [False, True])
def test_no_metadata_survives(kind, lossless):
    data = full_of_metadata(kind)
    assert opened(data).getexif().get_ifd(0x8825), "the source does say where it was taken"
    packed = pack_image(data, 256, lossless=lossless)
    assert not opened(packed).getexif()
    kinds = png_chunks(packed) if lossless else jpeg_segments(packed)
    assert set(kinds) <= ({b"IHDR", b"IDAT", b"IEND"} if lossless else HARMLESS)
    assert b"patient" not in packed
    assert b"camera" not in packed


HARMLESS = {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}  # JFIF, tables, frame, scan: nothing else


def jpeg_segments(data: bytes) -> list[int]:
    kinds, position = [], 2
    while data[position + 1] != 0xDA:
        kinds.append(data[position + 1])
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    return [*kinds, 0xDA]


def png_chunks(data: bytes) -> list[bytes]:
    file, kinds = io.BytesIO(data[8:]), []
    while head := file.read(8):
        length, kind = struct.unpack(">I4s", head)
        kinds.append(kind)
        file.seek(length + 4, io.SEEK_CUR)
    return kinds
