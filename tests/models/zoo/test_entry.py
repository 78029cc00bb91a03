"""An encoder of a zoo is read as the checkpoint it came from; a changed byte is an error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dermctl.checkpoint import read_checkpoint
from dermctl.core.zoo.add import add
from dermctl.errors import CheckpointError
from dermctl.exposure import Exposure
from dermctl.models.zoo.about import read_about, write_about
from dermctl.models.zoo.entry import copy_files, read_entry
from dermctl.workspace import Workspace
from tests.models.zoo.made import save, seen


def entry(folder: Path, exposure: Exposure | None = None) -> Path:
    checkpoint = save(folder / "x.ckpt", exposure=exposure)
    return add(Workspace(folder), "derm", checkpoint, license="MIT").folder


@pytest.mark.parametrize("exposure", [seen(), seen(complete=False), seen(0), None])
def test_weights_description_and_record_come_back(
    tmp_path: Path, exposure: Exposure | None
) -> None:
    read = read_entry(entry(tmp_path, exposure))
    before = read_checkpoint(tmp_path / "x.ckpt")
    assert read.about == before.about
    assert {f"encoder.{key}" for key in read.state} != set(read.state)
    assert set(read.state) == {key for key in before.state if key.startswith("encoder.")}
    for key, value in read.state.items():
        assert torch.equal(value, before.state[key]), key
    assert read.exposure.state == before.exposure.state
    assert np.array_equal(read.exposure.images.values, before.exposure.images.values)
    assert np.array_equal(read.exposure.trained, before.exposure.trained)


@pytest.mark.parametrize("name", ["encoder.safetensors", "exposure.safetensors"])
def test_a_changed_or_missing_file_is_an_error(tmp_path: Path, name: str) -> None:
    folder = entry(tmp_path, seen())
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"SHA-256 is not the one in about\.json") as caught:
        read_entry(folder)
    assert "dermctl zoo pull" in str(caught.value)
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        read_entry(folder)


def test_a_record_cannot_be_talked_away(tmp_path: Path) -> None:
    folder = entry(tmp_path, seen(complete=False))
    about = read_about(folder / "about.json")
    said = {**(about.exposure or {}), "state": "known"}
    write_about(folder / "about.json", replace(about, exposure=said))
    with pytest.raises(CheckpointError, match="says otherwise"):
        read_entry(folder)
    write_about(folder / "about.json", replace(about, exposure=None))
    assert read_entry(folder).exposure.state == "unknown", "without a note: not known at all"


def test_copies_are_verified(tmp_path: Path) -> None:
    folder = entry(tmp_path, seen())
    about = read_about(folder / "about.json")
    (tmp_path / "copy").mkdir()
    with pytest.raises(CheckpointError, match=rf"SHA-256 is not .*\[{folder}/"):
        copy_files(folder, tmp_path / "copy", replace(about, sha256="ab" * 32))
    copy_files(folder, tmp_path / "copy", about)
    (folder / "exposure.safetensors").unlink()
    with pytest.raises(CheckpointError, match="not there"):
        copy_files(folder, tmp_path / "copy", about)
