"""Every defect is what it is called, seen through Pillow."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from dermctl.datasets.synthetic.defects import DEFECT_COUNTS, DEFECT_MEANINGS, Defect, encode
from tests.datasets.synthetic.conftest import Drawn

# The documented numbers: README.txt and the docs promise them.
PROMISED = {
    "greyscale": 3,
    "equal_channels": 3,
    "cmyk": 2,
    "truncated": 3,
    "empty": 2,
    "missing_file": 2,
    "near_duplicate": 4,
    "missing_label": 2,
}


def pixels(drawn: Drawn, img_id: str) -> np.ndarray:
    with Image.open(drawn.path(img_id)) as image:
        return np.asarray(image.convert("RGB"))


def test_numbers_are_the_promised_ones(drawn: Drawn) -> None:
    assert {kind: len(ids) for kind, ids in drawn.summary.defects.items()} == PROMISED
    assert set(DEFECT_MEANINGS) == set(DEFECT_COUNTS) == set(Defect)


def test_no_image_has_two_defects_and_the_readme_names_them_all(drawn: Drawn) -> None:
    named = [name for ids in drawn.summary.defects.values() for name in ids]
    assert len(named) == len(set(named))
    readme = (drawn.folder / "README.txt").read_text()
    assert all(name in readme for name in named)


def test_greyscale_has_one_channel(drawn: Drawn) -> None:
    for name in drawn.summary.defects["greyscale"]:
        with Image.open(drawn.path(name)) as image:
            assert image.mode == "L"


def test_equal_channels_are_rgb_and_equal_and_no_other_image_is(drawn: Drawn) -> None:
    equal = set()
    skipped = {kind: set(drawn.summary.defects[kind]) for kind in ("truncated", "empty")}
    skipped["gone"] = set(drawn.summary.defects["missing_file"])
    for row in drawn.rows:
        if any(row["img_id"] in names for names in skipped.values()):
            continue
        with Image.open(drawn.path(row["img_id"])) as image:
            if image.mode == "RGB":
                red, green, blue = (np.asarray(channel) for channel in image.split())
                if np.array_equal(red, green) and np.array_equal(green, blue):
                    equal.add(row["img_id"])
    assert equal == set(drawn.summary.defects["equal_channels"])


def test_cmyk_is_a_jpeg_of_four_inks_that_says_it_is_synthetic(drawn: Drawn) -> None:
    for name in drawn.summary.defects["cmyk"]:
        assert name.endswith(".png")
        with Image.open(drawn.path(name)) as image:
            assert (image.format, image.mode) == ("JPEG", "CMYK")
            assert image.info["comment"] == b"synthetic, drawn by dermctl"


def test_truncated_opens_but_does_not_load(drawn: Drawn) -> None:
    for name in drawn.summary.defects["truncated"]:
        with Image.open(drawn.path(name)) as image, pytest.raises(OSError, match="truncated"):
            image.load()


def test_empty_and_missing(drawn: Drawn) -> None:
    assert all(drawn.path(name).stat().st_size == 0 for name in drawn.summary.defects["empty"])
    for name in drawn.summary.defects["missing_file"]:
        assert not list(drawn.folder.rglob(name))
        assert name in {row["img_id"] for row in drawn.rows}


def test_missing_label_is_empty_and_no_other_is(drawn: Drawn) -> None:
    unlabelled = {row["img_id"] for row in drawn.rows if not row["diagnostic"]}
    assert unlabelled == set(drawn.summary.defects["missing_label"])


def test_near_duplicates_show_another_patients_photograph(drawn: Drawn) -> None:
    row_of = {row["img_id"]: row for row in drawn.rows}
    readme = (drawn.folder / "README.txt").read_text()
    sizes_differ = 0
    for name in drawn.summary.defects["near_duplicate"]:
        original = readme.split(f"{name} (of ")[1].split(")")[0]
        copy, source = pixels(drawn, name), pixels(drawn, original)
        assert row_of[name]["patient_id"] != row_of[original]["patient_id"]
        assert row_of[name]["diagnostic"] == row_of[original]["diagnostic"]
        assert drawn.path(name).read_bytes() != drawn.path(original).read_bytes()
        sizes_differ += copy.shape != source.shape
        assert likeness(copy, source) > 0.9
        others = [
            likeness(copy, pixels(drawn, row["img_id"]))
            for row in drawn.rows
            if row["img_id"] not in {name, original}
            and not any(row["img_id"] in ids for ids in drawn.summary.defects.values())
        ]
        assert max(others) < likeness(copy, source)
    assert 0 < sizes_differ < 4  # Some are cropped, some only re-encoded.


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    small = [cv2.resize(each, (64, 64), interpolation=cv2.INTER_AREA) for each in (one, other)]
    return float(np.corrcoef(small[0].ravel(), small[1].ravel())[0, 1])


@pytest.mark.parametrize("alpha", [False, True])
def test_sound_files_keep_every_pixel(alpha: bool) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (31, 45, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(encode(picture, alpha=alpha))) as image:
        image.verify()
    with Image.open(io.BytesIO(encode(picture, alpha=alpha))) as image:
        assert image.mode == ("RGBA" if alpha else "RGB")
        assert np.array_equal(np.asarray(image.convert("RGB")), picture)
