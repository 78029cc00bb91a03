"""`data validate`: all faults at once, the same verdicts as `data prepare`, nothing changed."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.core.data import prepare as module
from dermctl.core.data.prepare import prepare
from dermctl.core.data.validate import Validated, ValidateRequest, validate
from dermctl.datasets.reasons import REASONS
from dermctl.datasets.sources.base import ReadOptions
from dermctl.errors import DataError, UsageFault
from dermctl.workspace import Workspace
from tests.core.data.clinic import DEFECTS, EACH, PATIENTS, Clinic, add_defects, make_clinic
from tests.datasets.test_odd_files import EXPECTED
from tests.made import class_folders, jpeg, write_picture

JUDGED = {"licenses": ("cc-0",), "min_class": 2}


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return make_clinic(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def look(workspace: Workspace, clinic: Clinic, **changes: object) -> Validated:
    plain = clinic.request()
    request = ValidateRequest("csv", raw=plain.raw, read=plain.read, workers=1, **changes)
    return validate(workspace, request)


def groups(found: Validated) -> dict[str, int]:
    return {group.reason: group.rows for group in found.groups}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_found_in_a_sound_source(clinic, workspace):
    found = look(workspace, clinic)
    assert (found.rows, found.unusable) == (PATIENTS * EACH, 0)
    assert found.groups == ()
    assert found.label == "diagnosis"


def test_every_defect_is_found_and_nothing_is_changed(clinic, workspace, tmp_path):
    rows = add_defects(clinic)
    before = bytes_of(tmp_path)
    found = look(workspace, clinic, **JUDGED)
    assert bytes_of(tmp_path) == before
    assert found.rows == rows
    assert found.unusable == sum(DEFECTS.values())
    dropping = {group.reason: group.rows for group in found.groups if group.action == "drop"}
    assert dropping == DEFECTS
    for group in found.groups:
        assert group.explanation == REASONS[group.reason].explanation
        assert 1 <= len(group.examples) <= 3


def test_the_same_verdicts_as_prepare(clinic, workspace, monkeypatch):
    add_defects(clinic)
    monkeypatch.setattr(module, "write_dataset_report", lambda path, *_: path.write_text(""))
    prepared = prepare(workspace, clinic.request(**JUDGED))
    found = look(workspace, clinic, **JUDGED)
    assert found.unusable == sum(prepared.rejected.values())
    rejected = pq.read_table(prepared.folder / "rejected.parquet").to_pylist()
    faults = found.faults.to_pylist()
    for row in rejected:
        same = {"reason": row["reason"], "source_row": row["source_row"], "detail": row["detail"]}
        assert any(same.items() <= fault.items() for fault in faults), row


def test_all_that_is_wrong_with_one_row_is_told(clinic, workspace):
    write_picture(clinic.raw / "bad.png", 500, side=20)
    with clinic.table.open("a", encoding="utf-8") as file:
        file.write("bad,,P0,1,CC-BY-NC,\n")
    found = look(workspace, clinic, licenses=("cc-0",))
    assert groups(found) == {"missing_label": 1, "license_excluded": 1, "too_small": 1}
    assert found.unusable == 1


def test_drop_and_keep_change_what_is_done(clinic, workspace):
    add_defects(clinic)
    plain = look(workspace, clinic)
    kept = look(workspace, clinic, keep=("not_rgb",))
    assert kept.unusable == plain.unusable - 1
    action = {group.reason: group.action for group in kept.groups}
    assert (action["not_rgb"], action["too_small"]) == ("warn", "drop")
    with pytest.raises(UsageFault, match="no row is dropped for unlisted_file"):
        look(workspace, clinic, drop=("unlisted_file",))


def test_faults_of_the_table_and_the_folder_are_in_the_same_list(clinic, workspace):
    write_picture(clinic.raw / "nobody.png", 600)
    with clinic.table.open("a", encoding="utf-8") as file:
        file.write("../secret,nevus,P0,1,CC-0,\nimg-1\nimg-2,nevus,P9,dark,CC-0,\n")
    found = look(workspace, clinic)
    assert groups(found) == {
        "malformed_row": 1,
        "outside_raw": 1,
        "missing_file": 1,
        "duplicate_id": 1,
        "bad_value": 1,
        "unlisted_file": 1,
        "label_conflict": 1,  # img-2 is a melanoma elsewhere
    }
    outside = [f for f in found.faults.to_pylist() if f["reason"] == "outside_raw"]
    assert [(f["image_id"], f["action"]) for f in outside] == [("../secret", "drop")]
    unlisted = [f for f in found.faults.to_pylist() if f["reason"] == "unlisted_file"]
    assert [(f["path"], f["action"]) for f in unlisted] == [("nobody.png", "warn")]


def test_a_label_that_contradicts_itself(workspace, tmp_path):
    raw = tmp_path / "raw"
    header = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"
    rows = ["a,1,0,0,0,0,0,0", "b,1,1,0,0,0,0,0", "c,0,0,0,0,0,0,0"]
    raw.mkdir()
    (raw / "ISIC2018_Task3_Training_GroundTruth.csv").write_text("\n".join([header, *rows]))
    (raw / "ISIC2018_Task3_Test_GroundTruth.csv").write_text("\n".join([header, "d,0,1,0,0,0,0,0"]))
    for number, name in enumerate("abcd"):
        (raw / f"{name}.jpg").write_bytes(jpeg(number))
    found = validate(workspace, ValidateRequest("isic2018", raw=raw, workers=1))
    assert groups(found) == {"bad_label": 2, "missing_label": 2}
    assert found.unusable == 2


def test_a_hash_that_is_not_the_md5_of_the_bytes_is_a_warning(workspace, tmp_path):
    raw = tmp_path / "raw"
    data = [jpeg(number) for number in range(3)]
    hashes = [hashlib.md5(data[0]).hexdigest(), "0" * 32, hashlib.md5(data[2]).hexdigest().upper()]
    images = raw / "images"
    images.mkdir(parents=True)
    lines = ["md5hash,fitzpatrick_scale,label,nine_partition_label"]
    for name, content in zip(hashes, data, strict=True):
        (images / f"{name}.jpg").write_bytes(content)
        lines.append(f"{name},3,acne,inflammatory")
    (raw / "fitzpatrick17k.csv").write_text("\n".join(lines))
    found = validate(workspace, ValidateRequest("fitzpatrick", raw=raw, workers=1))
    assert groups(found) == {"md5_mismatch": 1}
    assert (found.groups[0].action, found.unusable) == ("warn", 0)
    assert hashlib.md5(data[1]).hexdigest() in found.groups[0].examples[0]


def test_identical_bytes_are_noted_and_under_two_labels_dropped(workspace, tmp_path):
    photos = class_folders(tmp_path / "photos", {"nevus": 3, "melanoma": 2})
    shutil.copy(photos / "nevus/nevus-0.png", photos / "nevus/again.png")
    shutil.copy(photos / "nevus/nevus-1.png", photos / "melanoma/conflict.png")
    found = validate(workspace, ValidateRequest("folder", raw=photos, workers=1))
    action = {group.reason: (group.action, group.rows) for group in found.groups}
    assert action["label_conflict"] == ("drop", 2)
    assert action["byte_identical"][0] == "note"


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_table_of_faults(clinic, workspace, tmp_path, suffix):
    add_defects(clinic)
    out = tmp_path / f"faults{suffix}"
    found = look(workspace, clinic, out=out)
    if suffix == ".parquet":
        rows = pq.read_table(out).to_pylist()
    else:
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
    assert Counter(row["reason"] for row in rows) == Counter(found.faults["reason"].to_pylist())
    assert {row["action"] for row in rows} <= {"drop", "warn", "note"}


def test_no_faults_make_an_empty_table(clinic, workspace, tmp_path):
    look(workspace, clinic, out=tmp_path / "faults.parquet")
    assert pq.read_table(tmp_path / "faults.parquet").num_rows == 0


def test_a_table_of_another_kind_is_refused_before_anything_is_read(workspace, tmp_path):
    request = ValidateRequest("ham10000", raw=tmp_path / "nowhere", out=tmp_path / "faults.xlsx")
    with pytest.raises(UsageFault, match=r"faults\.xlsx"):
        validate(workspace, request)


def test_a_source_that_is_not_there_is_not_downloaded(workspace):
    with pytest.raises(DataError, match="not in this workspace") as caught:
        validate(workspace, ValidateRequest("padufes"))
    assert "dermctl data download padufes" in str(caught.value.hint)
    assert not workspace.raw.exists()


def test_the_command(clinic, tmp_path):
    words = ["data", "validate", "csv", "--raw", str(clinic.raw), "--csv", str(clinic.table)]
    words += ["--image-column", "file", "--label-column", "diagnosis", "--workers", "1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    add_defects(clinic)
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["unusable"] > 0
    assert {"reason", "action", "rows", "explanation", "examples"} <= set(document["reasons"][0])
    assert result.stderr.count("error: ") == 1
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "faults.csv")])
    assert result.exit_code == 1
    for word in ("not_rgb", "drop", "malformed_row", "For example", "faults.csv"):
        assert word in result.stdout


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_the_odd_files_as_a_source(real_data, tmp_path, workspace):
    """Whatever a row names gets its verdict, also a film or a text: nothing is passed over."""
    raw = tmp_path / "photos"
    shutil.copytree(real_data / "odd_files", raw / "odd")
    shutil.copytree(real_data / "ham10000_greyscale", raw / "grey")
    names = sorted(path.name for path in raw.glob("*/*"))
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["file,dx", *(f"{name},nv" for name in names)]) + "\n")
    read = ReadOptions(csv=table, image_column="file", label_column="dx")
    found = validate(workspace, ValidateRequest("csv", raw=raw, workers=1, read=read))
    said = {name: set() for name in names}
    for fault in found.faults.to_pylist():
        said[fault["image_id"]].add((fault["reason"], fault["action"]))
    for name in names:
        faults, notes, _ = EXPECTED.get(name, (["not_rgb"], [], None))
        expected = {(code, "drop") for code in faults} | {(code, "note") for code in notes}
        assert said[name] == expected, name
    assert found.unusable == 40 + sum(bool(faults) for faults, *_ in EXPECTED.values())
