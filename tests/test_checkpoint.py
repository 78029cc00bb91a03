"""Checkpoints: read without unpickling anything but weights, or refused with the reason."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dermctl.checkpoint import (
    FORMAT,
    Checkpoint,
    Description,
    add_fitted,
    describe,
    fill,
    read_checkpoint,
    save_checkpoint,
)
from dermctl.errors import CheckpointError
from dermctl.metrics.fitted import fit
from dermctl.models.heads import Projector
from dermctl.models.restore import restore_encoder
from tests.conftest import Trained

ABOUT = Description(
    kind="finetune",
    encoder="vit_tiny_patch16_224",
    image_size=32,
    mean=(0.5, 0.4, 0.3),
    std=(0.2, 0.2, 0.2),
    crop_pct=0.9,
    interpolation="bicubic",
    crop_mode="center",
    store_size=256,
    classes=("melanoma", "nævus"),
    label="diagnosis",
    datasets=("a", "b"),
    manifests={"a/train": "00ff"},
    synthetic=True,
)


def small() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def saved(path: Path, **changes: Any) -> Path:
    state = {f"encoder.{key}": value for key, value in small().state_dict().items()}
    save_checkpoint(path, replace(ABOUT, **changes), state)
    return path


def refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert caught.value.where == str(path)
    assert "weights_only" not in str(caught.value), "no advice to load it unsafely"
    assert len(str(caught.value)) < 400
    return str(caught.value)


def test_what_the_trainer_wrote_reads_back(trained: Trained) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        path = trained.pretrained.run / "checkpoints" / name
        read = read_checkpoint(path)
        assert read.about.kind == "pretrain"
        torch.load(path, weights_only=True)
        fill(Projector(192, 32, 16), read, "projector")
        restore_encoder(read)
    about = read_checkpoint(trained.finetuned.checkpoint).about
    assert about.classes == ("melanoma", "nevus")
    assert about.label == "diagnosis"
    assert about.manifests.keys() == {"clinic/train", "clinic/val"}


def test_a_description_comes_back_as_it_was(tmp_path: Path) -> None:
    read = read_checkpoint(saved(tmp_path / "deep" / "x.ckpt"))
    assert read.about == ABOUT
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.ckpt"]


def test_the_description_is_plain(tmp_path: Path) -> None:
    document: dict[str, Any] = {}
    describe(document, ABOUT)
    assert document["dermctl"]["classes"] == ["melanoma", "nævus"]
    kinds = {type(value) for value in document["dermctl"].values()}
    assert kinds <= {str, int, float, bool, list, dict}


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    assert "no such checkpoint" in refused(tmp_path / "x.ckpt")
    assert "no such checkpoint" in refused(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_checkpoint_that_was_cut_short(trained: Trained, tmp_path: Path, share: float) -> None:
    data = trained.pretrained.checkpoint.read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(data[: int(share * len(data))])
    assert "cannot be read as a checkpoint" in refused(tmp_path / "cut.ckpt")


@pytest.mark.parametrize("data", [b"just a text", b"PK\x03\x04", b"\x80\x04.", b"\x89PNG\r\n"])
def test_a_file_of_another_kind(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.ckpt").write_bytes(data)
    assert "cannot be read as a checkpoint" in refused(tmp_path / "x.ckpt")


@pytest.mark.parametrize(
    "document",
    [
        {"state_dict": {}},
        {"state_dict": {}, "dermctl": "a text"},
        {"state_dict": {}, "dermctl": {}},
        {"state_dict": {}, "dermctl": {"format": 1, "colour": "blue"}},
        {"state_dict": {}, "dermctl": {"format": "one"}},
        {"state_dict": [1], "dermctl": {"format": 1}},
        {"dermctl": {"format": 1}},
        [1, 2],
        torch.zeros(3),
    ],
)
def test_a_checkpoint_of_another_program(tmp_path: Path, document: object) -> None:
    torch.save(document, tmp_path / "x.ckpt")
    assert "not written by dermctl" in refused(tmp_path / "x.ckpt")


def test_a_checkpoint_of_a_newer_dermctl(tmp_path: Path) -> None:
    assert "newer dermctl" in refused(saved(tmp_path / "x.ckpt", format=FORMAT + 1))


class Malicious:
    """Unpickling this would make a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "was here"
    path = saved(tmp_path / "x.ckpt")
    document = torch.load(path, weights_only=True)
    torch.save({**document, "extra": Malicious(mark)}, path)
    assert "cannot be read as a checkpoint" in refused(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)
    assert mark.exists(), "the file would have run code: the test can fail"


def loaded(path: Path, **changes: torch.Tensor | None) -> Checkpoint:
    read = read_checkpoint(saved(path))
    state = {**read.state, **{key.replace("__", "."): value for key, value in changes.items()}}
    return replace(read, state={key: value for key, value in state.items() if value is not None})


def test_fill_copies_every_weight_and_buffer(tmp_path: Path) -> None:
    module, read = small(), loaded(tmp_path / "x.ckpt")
    fill(module, read, "encoder")
    for key, value in module.state_dict().items():
        assert torch.equal(value, read.state[f"encoder.{key}"])


def test_fill_names_every_kind_of_mismatch(tmp_path: Path) -> None:
    read = loaded(
        tmp_path / "x.ckpt",
        encoder__0__weight=None,
        encoder__0__bias=torch.zeros(7),
        encoder__9__gamma=torch.zeros(1),
        classifier__weight=torch.zeros(1),
    )
    module = small()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        fill(module, read, "encoder")
    message = str(caught.value)
    for part in ("missing 0.weight", "unknown 9.gamma", "0.bias is (7,), not (3,)", "x.ckpt"):
        assert part in message
    assert "classifier" not in message
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), "nothing is filled by half"


def test_fill_does_not_list_hundreds_of_keys(tmp_path: Path) -> None:
    module = nn.Sequential(*(nn.Linear(1, 1) for _ in range(50)))
    with pytest.raises(CheckpointError, match=r"and 9\d more"):
        fill(module, loaded(tmp_path / "x.ckpt"), "encoder")


def test_reading_leaves_the_file_alone(trained: Trained, tmp_path: Path) -> None:
    copy = Path(shutil.copy(trained.finetuned.checkpoint, tmp_path / "x.ckpt"))
    before = copy.read_bytes()
    read = read_checkpoint(copy)
    for value in read.state.values():
        value.zero_()
    assert copy.read_bytes() == before


def test_what_was_fitted_is_added_and_the_rest_stays(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.ckpt")
    before = read_checkpoint(path)
    assert before.fitted is None
    fitted = fit(
        [[2.0, 0.0], [0.5, 1.0]], [0, 1], ABOUT.classes, where="a/val", manifest_sha256="1"
    )
    add_fitted(path, fitted)
    after = read_checkpoint(path)
    assert after.fitted == fitted
    assert after.about == before.about
    assert all(torch.equal(after.state[key], value) for key, value in before.state.items())


def test_fitted_values_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.ckpt")
    document = torch.load(path, weights_only=True)
    torch.save({**document, "dermctl_fitted": {"temperature": {"value": 1.0}}}, path)
    assert "was not written by dermctl" in refused(path)
