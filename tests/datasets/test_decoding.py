"""Each kind of file against what Pillow, or plain arithmetic, makes of it."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, ImageOps

from dermctl.datasets import png_decoding
from dermctl.datasets.colour_conversion import flatten, to_8_bits
from dermctl.datasets.decoding import decode_rgb
from dermctl.datasets.reasons import ImageFault
from tests.datasets.image_files import file_of, near, opened, picture


def codes(data: bytes) -> list[str]:
    return [code for code, _ in decode_rgb(data).notes]


def fault(data: bytes) -> str:
    with pytest.raises(ImageFault) as caught:
        decode_rgb(data)
    return caught.value.code


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_files_give_their_pixels_back(kind):
    decoded = decode_rgb(file_of(picture(), kind))
    assert np.array_equal(decoded.pixels, picture())
    assert (decoded.width, decoded.height) == (96, 64)
    assert decoded.notes == ()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 98}])
def test_jpegs_are_decoded_as_by_pillow(options):
    data = file_of(picture(), "JPEG", **options)
    assert near(decode_rgb(data).pixels, np.asarray(opened(data))) < 1


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "JPEG2000"])
def test_other_kinds_are_decoded_as_by_pillow(kind):
    data = file_of(picture(), kind)
    assert np.array_equal(decode_rgb(data).pixels, np.asarray(opened(data).convert("RGB")))


@pytest.mark.parametrize("with_kornia", [True, False])
@pytest.mark.parametrize("interlaced", [False, True])
def test_both_readers_of_png_give_the_same_pixels(with_kornia, interlaced, monkeypatch):
    if with_kornia and png_decoding.decode_image_png_u8 is None:
        pytest.skip("kornia-rs is not installed")
    if not with_kornia:
        monkeypatch.setattr(png_decoding, "decode_image_png_u8", None)
    data = file_of(picture(), interlace=interlaced)
    assert np.array_equal(decode_rgb(data).pixels, picture())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_orientation_is_applied(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    options |= {"lossless": True} if kind == "WEBP" else {}
    options |= {"quality": 100, "subsampling": "4:4:4"} if kind == "AVIF" else {}
    data = file_of(picture(), kind, exif=exif, **options)
    upright = ImageOps.exif_transpose(opened(data)).convert("RGB")
    decoded = decode_rgb(data)
    assert decoded.pixels.shape == np.asarray(upright).shape
    assert near(decoded.pixels, np.asarray(upright)) < 1
    assert (decoded.width, decoded.height) == upright.size
    assert ("exif_rotated" in codes(data)) == (orientation != 1)


def test_orientation_written_after_the_pixels_of_a_png():
    exif = Image.Exif()
    exif[0x0112] = 6
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + body))
    plain = file_of(picture())
    late = plain[:-12] + chunk + plain[-12:]
    assert np.array_equal(decode_rgb(late).pixels, np.rot90(picture(), -1))


def test_cmyk_is_converted():
    data = file_of(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=95)
    assert near(decode_rgb(data).pixels, picture()) < 4
    assert codes(data) == ["cmyk"]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_not_clipped(kind):
    deep = np.linspace(0, 65535, 96 * 64).round().astype(np.uint16).reshape(64, 96)
    data = file_of(Image.fromarray(deep), kind)
    expected = (deep / 65535 * 255).round().astype(np.uint8)
    assert np.array_equal(decode_rgb(data).pixels, np.dstack([expected] * 3))
    assert codes(data) == ["depth_16bit"]


def test_16_bit_colour_is_scaled():
    deep = np.random.default_rng(0).integers(0, 65536, (8, 9, 3)).astype(np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    data = raw_png(9, 8, 16, 2, zlib.compress(rows))
    assert np.array_equal(decode_rgb(data).pixels, (deep / 257).round().astype(np.uint8))
    assert codes(data) == ["depth_16bit"]


def test_opaque_alpha_is_dropped_silently():
    opaque = np.dstack([picture(), np.full((64, 96), 255, np.uint8)])
    assert np.array_equal(decode_rgb(file_of(opaque)).pixels, picture())
    assert codes(file_of(opaque)) == []


def test_see_through_pixels_are_laid_on_white():
    alpha = np.tile(np.linspace(0, 255, 96).round().astype(np.uint8), (64, 1))
    data = file_of(np.dstack([picture(), alpha]))
    weight = alpha[:, :, None] / 255
    expected = (picture() * weight + 255 * (1 - weight)).round()
    assert np.abs(decode_rgb(data).pixels - expected).max() <= 1
    assert codes(data) == ["alpha_composited"]


def test_a_transparent_colour_is_laid_on_white():
    flat = np.zeros((40, 40, 3), np.uint8)
    flat[:, 20:] = (200, 30, 40)
    decoded = decode_rgb(file_of(flat, transparency=(0, 0, 0)))
    assert (decoded.pixels[:, :20] == 255).all()
    assert (decoded.pixels[:, 20:] == (200, 30, 40)).all()


def swapped_profile() -> bytes:
    """The sRGB profile with its red and blue primaries exchanged."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = srgb[:400].replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    return tags + srgb[400:]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_another_colour_profile_is_converted(kind):
    red = np.zeros((40, 40, 3), np.uint8)
    red[:] = (255, 0, 0)
    data = file_of(red, kind, icc_profile=swapped_profile())
    middle = decode_rgb(data).pixels[20, 20].astype(int)
    assert np.abs(middle - (0, 0, 255)).max() < 6, "what it calls red is blue"
    assert codes(data) == ["icc_converted"]


def test_srgb_is_left_alone_and_a_damaged_profile_is_noted():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert codes(file_of(picture(), icc_profile=srgb)) == []
    assert np.array_equal(decode_rgb(file_of(picture(), icc_profile=srgb)).pixels, picture())
    assert codes(file_of(picture(), icc_profile=b"no profile")) == ["icc_unusable"]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animations_are_refused(kind):
    second = Image.fromarray(picture(seed=1))
    data = file_of(picture(), kind, save_all=True, append_images=[second])
    assert fault(data) == "animated"


@pytest.mark.parametrize("kind", ["MPO", "TIFF"])
def test_of_several_pictures_the_first_is_used(kind):
    second = Image.fromarray(picture(seed=1))
    data = file_of(picture(), kind, save_all=True, append_images=[second])
    assert near(decode_rgb(data).pixels, picture()) < 4
    assert codes(data) == ["multi_picture"]


def raw_png(width: int, height: int, depth: int, colour_type: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        data += struct.pack(">I", len(body)) + kind + body + checksum
    return data


def huge_jpeg() -> bytes:
    data = bytearray(file_of(picture(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60000, 60000)
    return bytes(data)


@pytest.mark.parametrize("data", [raw_png(30000, 30000, 8, 2, b""), huge_jpeg()])
def test_bombs_are_refused_by_their_header(data):
    assert fault(data) == "decompression_bomb"


def test_what_is_decoded_in_one_piece_may_have_fewer_pixels(monkeypatch):
    monkeypatch.setattr("dermctl.datasets.decoding.MAX_PIXELS_IN_ONE_PIECE", 96 * 64 - 1)
    jpeg = file_of(picture(), "JPEG")
    assert decode_rgb(jpeg, min_short_side_needed=8).width == 96
    for data in (
        file_of(picture()),
        file_of(picture(), "TIFF"),
        file_of(picture(), "JPEG", progressive=True),
        file_of(Image.fromarray(picture()).convert("CMYK"), "JPEG"),
    ):
        with pytest.raises(ImageFault, match="96 x 64 pixels, more than 0 million in one piece"):
            decode_rgb(data, min_short_side_needed=8)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_pictures_of_many_bands_are_those_of_one(kind, mode, monkeypatch):
    """Large pictures are converted some rows at a time, small ones at once."""
    data = file_of(Image.fromarray(np.tile(picture(), (3, 2, 1))).convert(mode), kind)
    whole = decode_rgb(data)
    monkeypatch.setattr("dermctl.datasets.colour_conversion._BAND_PIXELS", 7 * 192)
    banded = decode_rgb(data)
    assert np.array_equal(banded.pixels, whole.pixels)
    assert banded.notes == whole.notes


def test_every_16_bit_level_is_rounded_to_the_nearest_of_8_bits():
    levels = np.arange(1 << 16, dtype=np.uint16)
    raster = np.repeat(levels, 3).reshape(256, 256, 3)
    expected = np.floor(levels / 257 + 0.5).astype(np.uint8)
    assert np.array_equal(to_8_bits(raster)[:, :, 0].ravel(), expected)


@pytest.mark.parametrize("channels", [3, 4])
def test_conversions_in_place_read_what_they_overwrite_first(channels, monkeypatch):
    rng = np.random.default_rng(channels)
    deep = rng.integers(0, 1 << 16, (50, 40, channels), dtype=np.uint16)
    flat = (deep.astype(np.float64) / 257 + 0.5).astype(np.uint8)
    weight = flat[:, :, 3:] / 255 if channels == 4 else 1.0
    expected = flat[:, :, :3] * weight + 255 * (1 - weight)
    monkeypatch.setattr("dermctl.datasets.colour_conversion._BAND_PIXELS", 100)
    pixels, share = flatten(to_8_bits(deep.copy()))
    assert np.abs(pixels - expected).max() <= 0.5
    assert share == (np.mean(flat[:, :, 3] < 255) if channels == 4 else 0)


def test_four_letters_that_occur_by_chance_are_no_exif(monkeypatch):
    """Pillow would decode all of the pixels to look for it."""
    comment = b"tEXtComment\0eXIf is the name of a chunk"
    chunk = struct.pack(">I", len(comment) - 4) + comment + struct.pack(">I", zlib.crc32(comment))
    data = file_of(picture())
    data = data[:33] + chunk + data[33:]  # behind the header
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    assert np.array_equal(decode_rgb(data).pixels, picture())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "zero_bytes"),
        (b"<!DOCTYPE html><title>404 Not Found</title>", "not_an_image"),
        (b"%PDF-1.7 ...", "not_an_image"),
        (b"isic_id,diagnosis\n", "not_an_image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unreadable"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "unreadable"),
        (b"\xff\xd8\xff\xd9", "unreadable"),
    ],
)
def test_what_is_no_picture_says_so(data, code):
    assert fault(data) == code


def test_an_altered_byte_of_a_png_is_found():
    data = bytearray(file_of(picture()))
    data[len(data) // 2] ^= 1
    assert fault(bytes(data)) == "unreadable"


def test_a_jpeg_cut_short_and_closed_again_is_found():
    data = file_of(picture(), "JPEG")
    start = data.index(b"\xff\xda") + 40
    for cut in range(start, len(data) - 4, 29):
        assert fault(data[:cut] + b"\xff\xd9") in ("truncated", "unreadable")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_every_truncated_jpeg_is_found(options):
    data = file_of(picture(), "JPEG", **options)
    for cut in [*range(24, len(data), 7), *range(len(data) - 40, len(data))]:
        assert fault(data[:cut]) == "truncated", cut


def test_every_truncated_jpeg_is_found_when_decoded_at_a_fraction():
    data = file_of(picture(640, 480), "JPEG")
    for cut in [*range(1000, len(data), 97), len(data) - 2, len(data) - 1]:
        with pytest.raises(ImageFault, match="ends before"):
            decode_rgb(data[:cut], min_short_side_needed=60)


def test_every_truncated_png_is_found():
    data = file_of(picture())
    for cut in [*range(16, len(data), 11), *range(len(data) - 20, len(data))]:
        assert fault(data[:cut]) == "truncated", cut


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {}),
        ("PPM", {}),
        ("AVIF", {}),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_other_kind_is_ever_decoded_in_part(kind, options):
    """A cut file may lack only what its picture does not need; else it is refused."""
    data = file_of(picture(48, 32), kind, **options)
    whole = decode_rgb(data).pixels
    for cut in range(1, len(data), max(1, len(data) // 150)):
        try:
            part = decode_rgb(data[:cut])
        except ImageFault:
            continue
        assert np.array_equal(part.pixels, whole), f"cut at {cut} of {len(data)}"


def test_harmless_bytes_between_segments_are_let_through():
    data = file_of(picture(), "JPEG")
    tables = data.index(b"\xff\xc4")
    assert near(decode_rgb(data[:tables] + bytes(5) + data[tables:]).pixels, picture()) < 4


def test_a_large_jpeg_is_decoded_at_a_fraction_that_keeps_what_is_needed():
    data = file_of(picture(1000, 800), "JPEG")
    decoded = decode_rgb(data, min_short_side_needed=200)
    assert (decoded.width, decoded.height) == (1000, 800)
    assert decoded.pixels.shape == (200, 250, 3)
    assert decode_rgb(data, min_short_side_needed=201).pixels.shape == (300, 375, 3)
    assert decode_rgb(data, min_short_side_needed=700).pixels.shape == (800, 1000, 3)
    assert decode_rgb(data).pixels.shape == (800, 1000, 3)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_corrupt_exif_block_does_no_harm():
    data = file_of(picture(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09garbage")
    assert near(decode_rgb(data).pixels, picture()) < 4
