"""`export onnx`: kept only if it gives PyTorch's probabilities, and complete in itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from dermctl.checkpoint import read_checkpoint, save_checkpoint
from dermctl.core import export as module
from dermctl.core.export import TOLERANCE, Exported, export_onnx, read_export
from dermctl.errors import CheckpointError, ExportError
from dermctl.exposure import Exposure
from dermctl.models.restore import restore_classifier
from tests.conftest import ROOT, Trained


@pytest.fixture(scope="module")
def exported(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    out = tmp_path_factory.mktemp("export") / "deep" / "model.onnx"
    return export_onnx(trained.workspace, trained.finetuned.checkpoint, out=out)


def test_the_file_stands_alone(exported: Exported) -> None:
    assert [path.name for path in exported.file.parent.iterdir()] == ["model.onnx"]
    assert exported.size_bytes == exported.file.stat().st_size
    assert exported.max_difference <= TOLERANCE
    onnx.checker.check_model(str(exported.file), full_check=True)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_any_batch_gives_pytorchs_probabilities(
    trained: Trained, exported: Exported, batch: int
) -> None:
    read = read_checkpoint(trained.finetuned.checkpoint)
    pixels = np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(exported.file, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": pixels})
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (read.about.mean, read.about.std))
    images = (torch.tensor(pixels).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        wanted = restore_classifier(read)(images).softmax(1).numpy()
    assert found.shape == (batch, 2)
    assert np.abs(found - wanted).max() <= TOLERANCE
    assert found.sum(1) == pytest.approx(np.ones(batch), abs=1e-5)


def test_its_input_is_pixels(exported: Exported) -> None:
    session = onnxruntime.InferenceSession(exported.file, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert given.type == "tensor(uint8)"
    assert given.shape[1:] == [32, 32, 3]
    assert not isinstance(given.shape[0], int)
    assert [output.name for output in session.get_outputs()] == ["probabilities"]


def test_what_a_deployment_needs_is_inside(trained: Trained, exported: Exported) -> None:
    facts = read_export(exported.file)
    about = read_checkpoint(trained.finetuned.checkpoint).about
    assert json.loads(facts["classes"]) == list(about.classes)
    preprocessing = json.loads(facts["preprocessing"])
    assert preprocessing["crop_pct"] == about.crop_pct
    assert preprocessing["interpolation"] == about.interpolation
    assert preprocessing["packed_short_side"] == about.store_size
    assert (facts["image_size"], facts["encoder"]) == ("32", "vit_tiny_patch16_224")
    assert json.loads(facts["synthetic"]) is False
    assert "not a medical device" in facts["intended_use"]


def test_what_the_weights_have_seen_is_inside(trained: Trained, exported: Exported) -> None:
    facts = read_export(exported.file)
    exposure = read_checkpoint(trained.finetuned.checkpoint).exposure
    assert json.loads(facts["exposure"]) == exposure.to_json()
    assert json.loads(facts["exposure"])["state"] == "known"
    assert json.loads(facts["leaks"]) == []
    assert "clinic" in json.loads(facts["trained_on"])


@pytest.mark.slow
def test_allowed_leaks_and_an_unknown_exposure_are_inside(trained: Trained, tmp_path: Path) -> None:
    read = read_checkpoint(trained.finetuned.checkpoint)
    leaks = ("3 of 61 images of clinic/test were seen: é",)
    path = tmp_path / "foreign.ckpt"
    save_checkpoint(path, replace(read.about, leaks=leaks), read.state, Exposure.unknown())
    exported = export_onnx(trained.workspace, path, out=tmp_path / "model.onnx")
    facts = read_export(exported.file)
    assert json.loads(facts["leaks"]) == list(leaks) == exported.to_json()["leaks"]
    assert json.loads(facts["exposure"])["state"] == "unknown"
    assert exported.to_json()["exposure"]["state"] == "unknown"


class Undecided(torch.nn.Module):
    """Its flow depends on the values: no graph can be drawn of it."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows = images.flatten(1)[:, :2]
        return rows if rows.sum() > 0 else -rows


def test_a_model_that_cannot_be_exported_is_said_in_a_line(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "restore_classifier", lambda read: Undecided())
    place = tmp_path / "model.onnx"
    with pytest.raises(ExportError, match="vit_tiny_patch16_224 cannot be exported") as caught:
        export_onnx(trained.workspace, trained.finetuned.checkpoint, out=place)
    assert caught.value.where == str(trained.finetuned.checkpoint)
    assert "another encoder" in str(caught.value.hint)
    assert len(str(caught.value)) < 700
    assert list(tmp_path.iterdir()) == []


def test_no_path_of_this_machine_is_inside(exported: Exported) -> None:
    data = exported.file.read_bytes()
    site = Path(torch.__file__).parent.parent
    for path in (ROOT, Path.home(), site, exported.file.parent, exported.checkpoint):
        assert str(path).encode() not in data, path
    assert b"site-packages" not in data
    model = onnx.load_from_string(data)
    for weights in model.graph.initializer:  # millions of bytes say any three letters somewhere
        weights.ClearField("raw_data")
    assert b".py" not in model.SerializeToString()


@pytest.mark.slow
def test_a_file_that_differs_is_not_kept(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A weight changed by a little between PyTorch and the file."""
    save = onnx.save_model

    def tampered(document: Any, path: Path) -> None:
        (bias,) = (i for i in document.graph.initializer if i.name == "model.classifier.bias")
        values = onnx.numpy_helper.to_array(bias) + np.array([0, 1e-2], np.float32)
        bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
        save(document, path)

    monkeypatch.setattr(module.onnx, "save_model", tampered)
    place = tmp_path / "out" / "model.onnx"
    with pytest.raises(ExportError, match=r"differs from PyTorch by 0\.00") as caught:
        export_onnx(trained.workspace, trained.finetuned.checkpoint, out=place)
    assert caught.value.where == str(place)
    assert list(place.parent.iterdir()) == []


def test_a_difference_that_is_no_number_is_no_agreement(
    exported: Exported, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(images: torch.Tensor) -> torch.Tensor:
        return torch.full((len(images), 2), float("nan"))

    about = read_checkpoint(trained.finetuned.checkpoint).about
    assert module.max_difference(broken, exported.file, about) == float("inf")  # type: ignore[arg-type]


def test_an_old_file_stays_when_the_new_one_fails(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "model.onnx"
    place.write_bytes(b"old")
    monkeypatch.setattr(module, "_write", lambda model, about, path: path.write_bytes(b"new"))
    monkeypatch.setattr(module, "max_difference", lambda *_: 1.0)
    with pytest.raises(ExportError):
        export_onnx(trained.workspace, trained.finetuned.checkpoint, out=place)
    assert place.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_where_it_lies_by_default(trained: Trained) -> None:
    checkpoint = trained.finetuned.checkpoint
    wanted = trained.finetuned.run / "export" / "model.onnx"
    assert module._default_file(checkpoint) == wanted
    assert module._default_file(Path("x/model.ckpt")) == Path("x/model.onnx")


def test_an_encoder_alone_is_not_exported(trained: Trained) -> None:
    with pytest.raises(CheckpointError, match="no classifier"):
        export_onnx(trained.workspace, trained.pretrained.checkpoint)
