"""A model of one dataset is evaluated on another, prepared with the same shared target."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dermctl.config.trainings import FinetuneConfig
from dermctl.core import evaluate as evaluate_module
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.evaluate import evaluate
from dermctl.core.finetune import finetune
from dermctl.datasets.sources.base import ReadOptions
from dermctl.workspace import Workspace
from tests.conftest import TINY
from tests.made import write_picture

HUES = {"malignant": "melanoma", "benign": "nevus"}
HAM = {"mel": "malignant", "bcc": "malignant", "nv": "benign", "bkl": "benign", "akiec": "benign"}
PAD = {"MEL": "malignant", "SCC": "malignant", "NEV": "benign", "SEK": "benign", "ACK": "benign"}
EACH = 8


def make_ham(raw: Path) -> Path:
    lines = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
    for number, (label, side) in enumerate(HAM.items()):
        for n in range(number * EACH, (number + 1) * EACH):
            write_picture(raw / "images" / f"ISIC_{n}.png", n, label=HUES[side])
            lines.append(f"L{n},ISIC_{n},{label},histo,50,male,back")
    (raw / "HAM10000_metadata.csv").write_text("\n".join(lines) + "\n")
    return raw


def make_pad(raw: Path) -> Path:
    lines = ["patient_id,lesion_id,fitspatrick,diagnostic,img_id"]
    for number, (label, side) in enumerate(PAD.items()):
        for n in range(number * EACH, (number + 1) * EACH):
            name = f"PAT_{n}_{n}_1.png"
            write_picture(raw / "images" / name, 500 + n, label=HUES[side])
            lines.append(f"PAT_{n},{n},{n % 6 + 1}.0,{label},{name}")
    (raw / "metadata.csv").write_text("\n".join(lines) + "\n")
    return raw


@pytest.mark.slow
def test_a_model_of_one_source_is_evaluated_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate_module, "RESAMPLES", 20)
    workspace = Workspace(tmp_path / "w")
    for source, raw in (
        ("ham10000", make_ham(tmp_path / "ham")),
        ("padufes", make_pad(tmp_path / "pad")),
    ):
        read = ReadOptions(label="malignancy")
        prepare(
            workspace,
            PrepareRequest(source, raw=raw, read=read, size=32, val=0.2, test=0.25, workers=1),
        )
    config = FinetuneConfig(
        data="ham10000", from_checkpoint="none", encoder="vit_tiny_patch16_224", **TINY
    )  # fmt: skip
    model = finetune(workspace, config)
    found = evaluate(
        workspace, model.checkpoint, data="padufes", accelerator="cpu", workers=0
    )  # fmt: skip
    assert found.classes == ("benign", "malignant")
    assert found.dataset == "padufes"
    assert found.leaked == 0
    told = found.to_json()["target"]
    assert "padufes's diagnostic" in told
    assert "left out as indeterminate: ACK 8" in told
    assert told.split(";")[0] in found.report_file.read_text().replace("&#39;", "'")
    held = json.loads((workspace.dataset("padufes") / "dataset.json").read_text())["splits"]["test"]
    assert set(held) == {"benign", "malignant"}
    assert sum(found.to_json()["support"]) == sum(held.values())
