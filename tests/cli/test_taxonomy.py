"""Targets on the command line: shown, asked for, and refused where they make no sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermctl.cli.data.taxonomy import _TARGETS
from dermctl.cli.main import app
from dermctl.datasets.taxonomy import COLUMNS, TARGETS
from tests.made import write_picture

HAM = "lesion_id,image_id,dx,dx_type,age,sex,localization"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    lines = [HAM]
    for number, label in enumerate(["nv", "mel", "akiec", "bcc"] * 6):
        write_picture(tmp_path / "raw" / f"ISIC_{number}.png", number)
        lines.append(f"L{number},ISIC_{number},{label},histo,50,male,back")
    (tmp_path / "raw" / "HAM10000_metadata.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "raw"


def run(tmp_path: Path, *words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["--workspace", str(tmp_path), *words])
    return result.exit_code, result.stdout, result.stderr


def test_every_target_and_source_is_shown(tmp_path: Path) -> None:
    assert set(_TARGETS) == set(TARGETS)
    code, shown, _ = run(tmp_path, "data", "taxonomy")
    assert code == 0
    assert all(name in shown for name in (*TARGETS, *COLUMNS))
    code, shown, _ = run(tmp_path, "data", "taxonomy", "--json")
    sources = {source["source"]: source for source in json.loads(shown)["sources"]}
    assert set(sources) == set(COLUMNS)
    assert sources["padufes"]["labels"]["ack"]["malignancy"] == "(indeterminate)"
    assert sources["ham10000"]["labels"]["mel"] == {
        "malignancy": "malignant", "ham7": "mel", "isic1": "Malignant",
        "isic2": "Malignant melanocytic proliferations (Melanoma)", "isic3": "Melanoma, NOS",
    }  # fmt: skip


def test_prepare_takes_a_target_and_a_side(tmp_path: Path, raw: Path) -> None:
    words = ["data", "prepare", "ham10000", "--raw", str(raw), "--label", "malignancy"]
    words += ["--workers", "1", "--size", "32", "--json", "--val", "0.2", "--test", "0.25"]
    code, shown, _ = run(tmp_path, *words, "--indeterminate", "malignant")
    prepared = json.loads(shown)
    assert code == 0
    assert prepared["label"] == "malignancy"
    assert prepared["target"]["indeterminate"] == "malignant"
    assert prepared["target"]["settled"] == {"akiec": 6}
    assert prepared["kept"] == 24
    code, shown, _ = run(tmp_path, *words, "--name", "without")
    assert json.loads(shown)["rejected"] == {"indeterminate": 6}
    assert code == 0


def test_validate_says_what_a_target_would_leave_out(tmp_path: Path, raw: Path) -> None:
    words = ["data", "validate", "ham10000", "--raw", str(raw), "--workers", "1", "--json"]
    code, shown, _ = run(tmp_path, *words, "--label", "malignancy")
    assert code == 1
    found = json.loads(shown)
    assert [(group["reason"], group["rows"]) for group in found["reasons"]] == [
        ("indeterminate", 6)
    ]


def test_a_side_without_its_target_is_a_usage_fault(tmp_path: Path, raw: Path) -> None:
    words = ["data", "validate", "ham10000", "--raw", str(raw), "--indeterminate", "benign"]
    result = CliRunner().invoke(app, ["--workspace", str(tmp_path), *words])
    assert result.exit_code == 2
    assert "--label target:malignancy" in result.stderr + result.stdout
