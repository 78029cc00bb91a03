from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest

from dermctl.datasets.examine import examine, pack_image
from dermctl.datasets.hashing import perceptual_hash
from tests.datasets.image_files import file_of, opened, picture


@pytest.fixture
def write(tmp_path):
    def _write(data: bytes, name: str = "file"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return _write


def codes(seen) -> list[str]:
    return [code for code, _ in seen.faults]


def test_a_good_file(write):
    data = file_of(picture(600, 450), "JPEG")
    seen = examine(write(data), md5=True)
    assert seen.faults == seen.notes == ()
    assert seen.sha256 == hashlib.sha256(data).hexdigest()
    assert seen.md5 == hashlib.md5(data).hexdigest()
    assert (seen.width, seen.height) == (600, 450)
    assert seen.packed == pack_image(data, 256)
    assert opened(seen.packed).size == (341, 256)
    assert pickle.loads(pickle.dumps(seen)) == seen


def test_the_hash_is_that_of_the_picture_and_hardly_that_of_its_encoding(write):
    jpeg = examine(write(file_of(picture(600, 450), "JPEG"))).phash
    png = examine(write(file_of(picture(600, 450)))).phash
    assert jpeg is not None
    assert png == perceptual_hash(picture(600, 450))
    assert (jpeg ^ png).bit_count() <= 2


def test_md5_is_computed_only_where_it_is_asked_for(write):
    assert examine(write(file_of(picture()))).md5 == ""


def test_limits_are_inclusive(write):
    file = write(file_of(picture(128, 32)))
    assert codes(examine(file, min_side=32, max_aspect=4)) == []
    assert codes(examine(file, min_side=33, max_aspect=4)) == ["too_small"]
    assert codes(examine(file, min_side=32, max_aspect=3.9)) == ["extreme_aspect"]
    assert codes(examine(file, min_side=33, max_aspect=3.9)) == ["too_small", "extreme_aspect"]


def test_limits_are_those_of_the_original_and_not_of_the_packed_picture(write):
    file = write(file_of(picture(800, 600), "JPEG"))
    assert codes(examine(file, size=64, min_side=600)) == []


def test_a_picture_with_faults_is_packed_so_that_it_can_be_kept(write):
    grey = np.dstack([picture()[:, :, 0]] * 3)
    seen = examine(write(file_of(grey)))
    assert codes(seen) == ["not_rgb"]
    assert seen.packed is not None


def test_lossless(write):
    seen = examine(write(file_of(picture())), lossless=True)
    assert np.array_equal(np.asarray(opened(seen.packed)), picture())


def test_a_missing_file_and_a_folder_are_faults(tmp_path):
    assert codes(examine(tmp_path / "absent.jpg")) == ["missing_file"]
    assert codes(examine(tmp_path)) == ["unreadable"]


def test_a_bad_file_has_hashes_and_no_picture(write):
    seen = examine(write(b"<html>"))
    assert codes(seen) == ["not_an_image"]
    assert seen.sha256 == hashlib.sha256(b"<html>").hexdigest()
    assert (seen.phash, seen.packed, seen.width) == (None, None, 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_nothing_that_a_file_holds_makes_it_raise(kind, write):
    """Random damage to headers and pixels, of every kind of file."""
    rng = np.random.default_rng(0)
    whole = file_of(picture(48, 32), kind)
    for _ in range(150):
        data = np.frombuffer(whole, np.uint8).copy()
        reach = len(data) if rng.random() < 0.5 else min(len(data), 80)
        data[rng.integers(0, reach, 3)] = rng.integers(0, 256, 3)
        seen = examine(write(data.tobytes()))
        assert (seen.packed is None) == (seen.phash is None)
        assert seen.faults or seen.packed
