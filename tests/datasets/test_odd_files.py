"""What is said of every odd file, and of the greyscale and ordinary pictures, of the real data."""

from __future__ import annotations

import random

import pytest

from dermctl.datasets.examine import examine

pytestmark = pytest.mark.real_data

# file: (fault codes, note codes, (width, height))
EXPECTED = {
    "16bit.cropped.tif": (["not_rgb"], ["depth_16bit"], (64, 64)),
    "PROVENANCE.md": (["not_an_image"], [], (0, 0)),
    "broken.png": (["unreadable"], [], (0, 0)),
    "broken_data_stream.png": (["unreadable"], [], (0, 0)),
    "broken_exif_dpi.jpg": ([], [], (100, 100)),
    "decompression_bomb.gif": (["decompression_bomb"], [], (0, 0)),
    "hopper_bad_exif.jpg": (["not_rgb"], [], (500, 500)),
    "hopper_bw_500.png": (["not_rgb"], [], (500, 500)),
    "hopper_gray.jpg": (["not_rgb"], [], (128, 128)),
    "hopper_orientation_3.jpg": ([], ["exif_rotated"], (128, 128)),
    "hopper_orientation_6.jpg": ([], ["exif_rotated"], (128, 128)),
    "hopper_orientation_8.jpg": ([], ["exif_rotated"], (128, 128)),
    "iss634.gif": (["animated"], [], (0, 0)),
    "junk_jpeg_header.jpg": ([], [], (1024, 768)),
    "l_trns.png": (["not_rgb"], ["alpha_composited"], (64, 64)),
    "mode_16bit.png": (["animated"], [], (0, 0)),
    "mode_grayscale_alpha.png": (["animated"], [], (0, 0)),
    "multiple_exif.jpg": (["not_rgb", "too_small"], [], (1, 1)),
    "orientation_rectangle.jpg": (["too_small"], ["exif_rotated"], (1, 2)),
    "p_trns_single.png": ([], ["alpha_composited"], (64, 64)),
    "pil_sample_cmyk.jpg": ([], ["cmyk"], (100, 100)),
    "sugarshack.mpo": ([], ["multi_picture"], (640, 480)),
    "tiff_16bit_RGB_target.png": ([], [], (100, 40)),  # 8 bits, in spite of its name
    "truncated_app14.jpg": ([], [], (100, 100)),  # one marker is cut short, the picture is whole
    "truncated_end_chunk.png": (["truncated"], [], (0, 0)),
    "truncated_exif_dpi.jpg": (["not_rgb"], ["icc_converted"], (480, 640)),  # plain white
    "truncated_image.png": (["truncated"], [], (0, 0)),
    "truncated_jpeg.jpg": (["truncated"], [], (0, 0)),
    "xmp_tags_orientation.png": ([], ["icc_converted", "exif_rotated"], (326, 268)),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_every_odd_file(real_data):
    files = sorted((real_data / "odd_files").iterdir())
    said = {}
    for file in files:
        seen = examine(file)
        codes = [code for code, _ in seen.faults], [code for code, _ in seen.notes]
        said[file.name] = (*codes, (seen.width, seen.height))
        assert (seen.packed is None) == (seen.phash is None) == (seen.width == 0), file.name
    assert said == EXPECTED


def test_every_greyscale_picture_is_called_so(real_data):
    files = sorted((real_data / "ham10000_greyscale").glob("*.jpg"))
    assert len(files) == 40
    for file in files:
        assert [code for code, _ in examine(file).faults] == ["not_rgb"], file.name


@pytest.mark.parametrize(("folder", "count"), [("ham10000", 300), ("pad-ufes-20", 60)])
def test_no_ordinary_photograph_has_a_fault(real_data, folder, count):
    files = sorted((real_data / folder / "images").iterdir())
    for file in random.Random(0).sample(files, count):
        assert examine(file).faults == (), file.name
