"""``zoo add``: the encoder alone, what made it, whose it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from safetensors.numpy import load_file

from dermctl import __version__
from dermctl.checkpoint import read_checkpoint
from dermctl.core.zoo.add import add
from dermctl.core.zoo.list import list_zoo
from dermctl.datasets.fetch.partial import file_hash
from dermctl.errors import CheckpointError, UsageFault
from dermctl.workspace import Workspace
from tests.conftest import Trained
from tests.models.zoo.made import save, seen


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def run(folder: Path, **settings: str) -> Path:
    """A checkpoint in a run's folder."""
    path = save(folder / "20260412-one" / "checkpoints" / "best.ckpt", exposure=seen())
    (folder / "20260412-one" / "config.yaml").write_text(yaml.safe_dump(settings))
    return path


def test_what_stands_in_its_about(tmp_path: Path, workspace: Workspace) -> None:
    checkpoint = run(tmp_path, method="supcon")
    added = add(workspace, "derm", checkpoint, license="cc-by-nc-4.0", citation="Ann,\n 2026")
    about = added.about
    assert (about.license, about.citation) == ("CC-BY-NC-4.0", "Ann, 2026")
    assert (about.method, about.datasets) == ("supcon", ("clinic",))
    assert about.source == "20260412-one/checkpoints/best.ckpt", "no folder of the user's"
    assert about.sha256 == file_hash(added.folder / "encoder.safetensors", "sha256")
    assert about.dermctl == __version__
    assert (about.exposure or {})["trained_on"] == 2
    assert added.exposure == "known, 3 images"
    assert list_zoo(workspace).encoders == (added,)
    keys = load_file(added.folder / "encoder.safetensors").keys()
    assert "cls_token" in keys
    assert not any(key.startswith(("encoder.", "projector")) for key in keys)


@pytest.mark.parametrize(
    ("kind", "settings", "method"),
    [
        ("pretrain", {"method": "simclr", "loss": "VICRegLoss()"}, "simclr (VICRegLoss())"),
        ("pretrain", {}, None),
        ("finetune", {"mode": "lp-ft"}, "supervised (lp-ft)"),
        ("finetune", {}, "supervised"),
    ],
)
def test_the_method_is_the_run_s(
    tmp_path: Path, workspace: Workspace, kind: str, settings: dict[str, str], method: str | None
) -> None:
    checkpoint = run(tmp_path, **settings)
    save(checkpoint, kind=kind, classes=("a", "b") if kind == "finetune" else ())
    assert add(workspace, "derm", checkpoint, license="MIT").about.method == method


def test_without_its_run_nothing_is_made_up(tmp_path: Path, workspace: Workspace) -> None:
    about = add(workspace, "derm", save(tmp_path / "x.ckpt"), license="MIT").about
    assert (about.method, about.source) == (None, "x.ckpt")
    assert (about.exposure or {})["state"] == "unknown"


def test_a_trained_run(trained: Trained, workspace: Workspace) -> None:
    about = add(workspace, "derm", trained.pretrained.checkpoint, license="MIT").about
    checkpoint = read_checkpoint(trained.pretrained.checkpoint)
    assert about.method == "simclr"
    assert about.manifests == checkpoint.about.manifests
    assert (about.exposure or {})["trained_on"] == checkpoint.exposure.to_json()["trained_on"] > 0


def test_a_name_is_taken_once(tmp_path: Path, workspace: Workspace) -> None:
    first = add(workspace, "derm", save(tmp_path / "x.ckpt"), license="MIT").about
    other = save(tmp_path / "y.ckpt", seed=4)
    with pytest.raises(CheckpointError, match="'derm' already"):
        add(workspace, "derm", other, license="MIT")
    assert list_zoo(workspace).encoders[0].about == first
    second = add(workspace, "derm", other, license="MIT", replace=True).about
    assert second.sha256 != first.sha256
    assert [each.about for each in list_zoo(workspace).encoders] == [second]


@pytest.mark.parametrize("license", ["", "cc-by", "free for all"])
def test_a_licence_that_is_none(tmp_path: Path, workspace: Workspace, license: str) -> None:
    with pytest.raises(UsageFault, match="no licence that SPDX knows"):
        add(workspace, "derm", save(tmp_path / "x.ckpt"), license=license)
    assert not workspace.zoo.exists()


def test_what_is_no_checkpoint_leaves_nothing(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "x.ckpt").write_bytes(b"no")
    with pytest.raises(CheckpointError, match="cannot be read as a checkpoint"):
        add(workspace, "derm", tmp_path / "x.ckpt", license="MIT")
    assert not workspace.zoo.exists()


def test_a_lab_s_common_folder(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DERMCTL_ZOO", str(tmp_path / "lab"))
    added = add(workspace, "derm", save(tmp_path / "x.ckpt"), license="LicenseRef-OURS")
    assert added.folder == tmp_path / "lab" / "derm"
    assert list_zoo(Workspace(tmp_path / "another")).encoders == (added,)
