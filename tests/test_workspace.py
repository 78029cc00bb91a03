"""Where datasets and runs lie, which is newest, and which names can be folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermctl.errors import DataError, UsageFault
from dermctl.workspace import ENVIRONMENT_VARIABLE, Workspace, check_name, run_kind


def dataset(workspace: Workspace, name: str, prepared_at: str) -> Path:
    folder = workspace.data / name
    folder.mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps({"prepared_at": prepared_at}))
    return folder


def run(workspace: Workspace, name: str, command: str | None, *checkpoints: str) -> Path:
    folder = workspace.runs / name
    (folder / "checkpoints").mkdir(parents=True)
    if command is not None:
        (folder / "provenance.json").write_text(json.dumps({"command": command}))
    (folder / "result.json").write_text("{}")
    for checkpoint in checkpoints:
        (folder / "checkpoints" / checkpoint).touch()
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_locate_prefers_the_flag_then_the_environment_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "there"))
    assert Workspace.locate(tmp_path / "given").root == tmp_path / "given"
    assert Workspace.locate().root == tmp_path / "there"
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "")
    assert Workspace.locate().root == Path()
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert Workspace.locate().root == Path()


def test_locate_refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageFault, match="folder") as caught:
        Workspace.locate(tmp_path / "file")
    assert caught.value.where == str(tmp_path / "file")


def test_datasets_are_sorted_by_age_and_not_by_name(workspace: Workspace) -> None:
    newest = dataset(workspace, "a", "2026-03-01T10:00:00.000002+00:00")
    oldest = dataset(workspace, "b", "2026-03-01T10:00:00.000001+00:00")
    assert workspace.datasets() == [oldest, newest]
    assert workspace.newest_dataset() == newest


def test_datasets_under_construction_and_other_folders_do_not_count(workspace: Workspace) -> None:
    dataset(workspace, ".isic.partial", "2026")
    (workspace.data / "notes").mkdir()
    (workspace.data / "file").touch()
    assert workspace.datasets() == []
    with pytest.raises(DataError, match="no dataset") as caught:
        workspace.newest_dataset()
    assert "dermctl data prepare" in str(caught.value)


def test_a_dataset_that_a_killed_swap_left_aside_is_there(workspace: Workspace) -> None:
    folder = dataset(workspace, "isic", "2026")
    folder.replace(folder.with_name(".isic.old"))
    assert workspace.datasets() == [folder]
    folder.replace(folder.with_name(".isic.old"))
    assert workspace.dataset("isic") == folder
    folder.replace(folder.with_name(".isic.old"))
    assert workspace.newest_dataset() == folder
    assert [path.name for path in workspace.data.iterdir()] == ["isic"]


def test_missing_dataset_is_named_beside_those_there_are(workspace: Workspace) -> None:
    dataset(workspace, "isic", "2026")
    assert workspace.dataset("isic") == workspace.data / "isic"
    with pytest.raises(DataError) as caught:
        workspace.dataset("padufes")
    for part in ("'padufes'", "prepared: isic", "dermctl data prepare padufes"):
        assert part in str(caught.value)


@pytest.mark.parametrize("text", ["", "not json", "[]", "null", "3"])
def test_damaged_description_counts_as_the_oldest(workspace: Workspace, text: str) -> None:
    whole = dataset(workspace, "a", "2026")
    damaged = dataset(workspace, "z", "2027")
    (damaged / "dataset.json").write_text(text)
    assert workspace.datasets() == [damaged, whole]


def test_newest_checkpoint_takes_the_newest_run_of_its_kind(workspace: Workspace) -> None:
    assert workspace.newest_checkpoint("pretrain") is None
    run(workspace, "20260101-000000-a", "pretrain", "best.ckpt", "last.ckpt")
    newest = run(workspace, "20260102-000000-a", "pretrain", "best.ckpt", "last.ckpt")
    run(workspace, "20260103-000000-a", "finetune", "best.ckpt")
    run(workspace, "20260104-000000-a", "pretrain")
    run(workspace, "20260105-000000-a", None, "best.ckpt")
    assert workspace.newest_checkpoint("pretrain") == newest / "checkpoints" / "best.ckpt"


def test_a_run_that_did_not_end_is_not_taken_up(workspace: Workspace) -> None:
    ended = run(workspace, "20260101-000000-a", "pretrain", "best.ckpt")
    killed = run(workspace, "20260102-000000-a", "pretrain", "best.ckpt")
    (killed / "result.json").unlink()
    assert workspace.newest_checkpoint("pretrain") == ended / "checkpoints" / "best.ckpt"


def test_newest_checkpoint_without_validation_is_the_last(workspace: Workspace) -> None:
    folder = run(workspace, "20260101-000000-a", "pretrain", "last.ckpt")
    assert workspace.newest_checkpoint("pretrain") == folder / "checkpoints" / "last.ckpt"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"command": 3}', "{}"])
def test_run_kind_of_a_damaged_run_is_unknown(tmp_path: Path, text: str) -> None:
    assert run_kind(tmp_path) is None
    (tmp_path / "provenance.json").write_text(text)
    assert run_kind(tmp_path) is None


@pytest.mark.parametrize("name", ["isic", "ISIC-2019_v1.1", "7"])
def test_names_that_can_be_folders(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "../x", "a b", "a\n"])
def test_names_that_cannot(name: str) -> None:
    with pytest.raises(UsageFault, match="cannot be a name"):
        check_name(name)


@given(st.text(max_size=12))
def test_an_accepted_name_stays_in_its_folder(name: str) -> None:
    try:
        check_name(name)
    except UsageFault:
        return
    place = Path("data") / name
    assert place.parent == Path("data")
    assert place.name == name
    assert not name.startswith(".")
