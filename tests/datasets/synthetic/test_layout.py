"""The sample lies on the disk and reads like PAD-UFES-20."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.datasets.synthetic.conftest import Drawn

# As published with the data set (Mendeley Data zr7vgbcyr2).
PUBLISHED_HEADER = (
    "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,"
    "skin_cancer_history,cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,"
    "diameter_1,diameter_2,diagnostic,itch,grew,hurt,changed,bleed,elevation,img_id,biopsed"
)
PATIENT_FIELDS = ("smoke", "drink", "gender", "fitspatrick", "diameter_1", "diameter_2")


def test_columns_are_those_of_the_published_file(drawn: Drawn) -> None:
    assert ",".join(drawn.header) == PUBLISHED_HEADER


@pytest.mark.real_data
def test_columns_and_words_are_those_of_the_real_file(drawn: Drawn, real_data: Path) -> None:
    with (real_data / "pad-ufes-20" / "metadata.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        real = list(reader)
    assert drawn.header == reader.fieldnames
    free_form = {"patient_id", "lesion_id", "img_id", "age", "diameter_1", "diameter_2"}
    not_real = {"background_father": {"SYNTHETIC"}, "background_mother": {"SYNTHETIC"}}
    missing_label = {"diagnostic": {""}}
    for column in set(drawn.header) - free_form:
        words = {row[column] for row in drawn.rows}
        words -= not_real.get(column, set()) | missing_label.get(column, set())
        assert words <= {row[column] for row in real}, column


def test_a_row_an_image_and_every_file_has_a_row(drawn: Drawn) -> None:
    ids = [row["img_id"] for row in drawn.rows]
    assert len(ids) == len(set(ids)) == drawn.summary.images == 60
    files = {path.name for path in (drawn.folder / "images").rglob("*") if path.is_file()}
    assert files == set(ids) - set(drawn.summary.defects["missing_file"])
    parts = sorted(path.name for path in (drawn.folder / "images").iterdir())
    assert parts == ["imgs_part_1", "imgs_part_2", "imgs_part_3"]
    assert all(any(part.iterdir()) for part in (drawn.folder / "images").iterdir())


def test_names_repeat_patient_and_lesion(drawn: Drawn) -> None:
    for row in drawn.rows:
        assert re.fullmatch(
            rf"{row['patient_id']}_{row['lesion_id']}_\d{{1,3}}\.png", row["img_id"]
        )
        assert re.fullmatch(r"PAT_\d+", row["patient_id"])


def test_values_are_spelt_as_there(drawn: Drawn) -> None:
    for row in drawn.rows:
        assert re.fullmatch(r"[1-6]\.0|", row["fitspatrick"])
        assert re.fullmatch(r"\d+\.0|", row["diameter_1"])
        assert 6 <= int(row["age"]) <= 94
        for symptom in ("itch", "grew", "hurt", "changed", "bleed", "elevation"):
            assert row[symptom] in {"True", "False", "UNK"}
        assert row["background_father"] in {"SYNTHETIC", "UNK", ""}


def test_only_rows_without_biopsy_lack_the_patients_fields(drawn: Drawn) -> None:
    lacking = [row for row in drawn.rows if not row["smoke"]]
    assert lacking
    for row in lacking:
        assert row["biopsed"] == "False"
        assert not any(row[field] for field in PATIENT_FIELDS)
        assert row["diagnostic"] in {"ACK", "NEV", "SEK", ""}
    for row in drawn.rows:
        if row["biopsed"] == "True":
            assert all(row[field] for field in PATIENT_FIELDS)


def test_rows_of_a_lesion_agree(drawn: Drawn) -> None:
    first: dict[tuple[str, str], dict[str, str]] = {}
    for row in drawn.rows:
        own = {name: row[name] for name in row if name not in {"img_id", "diagnostic"}}
        assert first.setdefault((row["patient_id"], row["lesion_id"]), own) == own


def test_summary_counts_the_rows(drawn: Drawn) -> None:
    summary = drawn.summary
    labels = [row["diagnostic"] for row in drawn.rows]
    assert summary.classes == {name: labels.count(name) for name in summary.classes}
    assert sum(summary.classes.values()) == 60 - len(summary.defects["missing_label"])
    assert summary.patients == len({row["patient_id"] for row in drawn.rows})
    assert summary.lesions == len({(row["patient_id"], row["lesion_id"]) for row in drawn.rows})


def test_says_that_it_is_synthetic(drawn: Drawn) -> None:
    assert "SYNTHETIC" in (drawn.folder / "README.txt").read_text()
    assert "synthetic" in (drawn.folder / "SYNTHETIC").read_text()
    spoilt = {"empty", "missing_file", "cmyk", "truncated"}
    without_text = {name for kind in spoilt for name in drawn.summary.defects[kind]}
    for row in drawn.rows:
        if row["img_id"] not in without_text:
            with Image.open(drawn.path(row["img_id"])) as image:
                assert image.format == "PNG"
                assert image.text == {"Description": "synthetic, drawn by dermctl"}


def test_sizes_vary_and_some_files_carry_an_opaque_alpha(drawn: Drawn) -> None:
    sizes, opaque = set(), 0
    for row in drawn.rows:
        if any(row["img_id"] in ids for ids in drawn.summary.defects.values()):
            continue
        with Image.open(drawn.path(row["img_id"])) as image:
            sizes.add(image.size)
            if image.mode == "RGBA":
                opaque += 1
                assert image.getchannel("A").getextrema() == (255, 255)
    assert len(sizes) > 10
    assert all(280 <= side <= 384 for size in sizes for side in size)
    assert opaque > 0
