"""Run folders: one each, in the order of their making, shared by the processes of one training."""

from __future__ import annotations

import json
import platform
from datetime import datetime
from pathlib import Path

import pytest

from dermctl import runs
from dermctl.errors import UsageFault
from dermctl.runs import (
    is_main_process,
    new_run_folder,
    note_facts,
    now,
    package_versions,
    start_run,
)

CHOSEN = "DERMCTL_RUN_FOLDER"
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: object = None) -> Stopped:  # type: ignore[override]
        return cls(2026, 3, 1, 12, 30, 45)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process, that has chosen no folder."""
    for name in (CHOSEN, *RANKS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_folders_of_one_second_are_different_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "datetime", Stopped)
    made = [new_run_folder(tmp_path, "pretrain-x") for _ in range(3)]
    stem = "20260301-123045-pretrain-x"
    assert [path.name for path in made] == [stem, f"{stem}-2", f"{stem}-3"]
    assert all(path.is_dir() for path in made)
    assert made == sorted(made)


def test_a_child_process_takes_the_folder_of_rank_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = new_run_folder(tmp_path, "x")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not is_main_process()
    assert new_run_folder(tmp_path, "x") == first.resolve()
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("NODE_RANK", "1")
    assert not is_main_process()
    assert new_run_folder(tmp_path, "x") == first.resolve()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", RANKS)
def test_a_rank_that_another_program_started_makes_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "0")
    assert is_main_process()
    monkeypatch.setenv(name, "3")
    assert not is_main_process()
    assert new_run_folder(tmp_path, "x").parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_next_training_of_a_process_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    assert new_run_folder(tmp_path, "x") != new_run_folder(tmp_path, "x")


def test_the_choice_holds_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    new_run_folder(Path("runs"), "x")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert new_run_folder(Path("runs"), "x").is_absolute()


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a b"])
def test_a_name_that_would_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageFault, match="cannot be a name"):
        new_run_folder(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_provenance(tmp_path: Path) -> None:
    start_run(tmp_path, "finetune", "epochs: 3\n", {"seed": 7})
    assert (tmp_path / "config.yaml").read_text() == "epochs: 3\n"
    document = json.loads((tmp_path / "provenance.json").read_text())
    assert (document["command"], document["seed"]) == ("finetune", 7)
    assert document["python"] == platform.python_version()
    assert datetime.fromisoformat(document["started_at"]).tzinfo is not None
    assert document["packages"] == package_versions()


def test_what_is_settled_later_is_added(tmp_path: Path) -> None:
    start_run(tmp_path, "finetune", "", {"seed": 7})
    before = json.loads((tmp_path / "provenance.json").read_text())
    note_facts(tmp_path, {"cache": "none"})
    assert json.loads((tmp_path / "provenance.json").read_text()) == before | {"cache": "none"}


def test_only_rank_zero_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    start_run(tmp_path, "finetune", "", {})
    note_facts(tmp_path, {"cache": "none"})
    assert list(tmp_path.iterdir()) == []


def test_now_sorts_by_age() -> None:
    stamps = [now() for _ in range(50)]
    assert stamps == sorted(stamps)


def test_versions_of_absent_packages_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_PACKAGES", ("numpy", "no-such-package"))
    found = package_versions()
    assert found["no-such-package"] == "not installed"
    assert found["numpy"][0].isdigit()
