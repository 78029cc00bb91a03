"""A name means one encoder; a new one is there whole or not at all, killed at any moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dermctl.core.finetuning.start import RANDOM
from dermctl.errors import CheckpointError, UsageFault
from dermctl.models.initial import IMAGENET
from dermctl.models.zoo.about import write_about
from dermctl.models.zoo.shelf import (
    RESERVED,
    entries,
    entry_names,
    named,
    new_entry,
    origin,
    zoo_origin,
)
from tests.conftest import ROOT
from tests.models.zoo.test_about import ABOUT


def put(zoo: Path, *names: str) -> Path:
    for name in names:
        with new_entry(zoo, name, replace=True) as folder:
            write_about(folder / "about.json", replace(ABOUT, name=name))
    return zoo


def fill(zoo: Path, name: str, *, replace: bool) -> None:
    """Begin an entry, and fail in the middle."""
    with new_entry(zoo, name, replace=replace) as folder:
        (folder / "about.json").write_text("half")
        (zoo / "absent").read_text()


def test_a_path_counts_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    zoo = put(tmp_path / "zoo", "derm", "other")
    assert named("derm", zoo) == zoo / "derm"
    (tmp_path / "derm").write_text("a file")
    assert named("derm", zoo) == Path("derm")
    assert named("zoo/other", None) == Path("zoo/other")


def test_neither_path_nor_name_gives_the_nearest(tmp_path: Path) -> None:
    zoo = put(tmp_path / "zoo", "derm-vit-small", "cnn")
    with pytest.raises(CheckpointError, match="no such checkpoint or weights, and no") as one:
        named("derm-vit-smal", zoo, others="--init imagenet")
    assert "Did you mean 'derm-vit-small'?" in str(one.value)
    assert str(zoo) in str(one.value)
    with pytest.raises(CheckpointError) as far:
        named("runs/x/best.ckpt", zoo, others="--init imagenet")
    assert "or take --init imagenet. What the zoo has: dermctl zoo list" in str(far.value)
    for outside in ("../zoo/cnn/nothing", "absent", "cnn/about"):
        with pytest.raises(CheckpointError):
            named(outside, tmp_path / "no such zoo")


def test_words_of_init_and_from_are_no_names(tmp_path: Path) -> None:
    assert {IMAGENET, RANDOM} == RESERVED
    for name in (*RESERVED, "a/b", ".x", ""):
        with pytest.raises(UsageFault), new_entry(tmp_path, name, replace=False):
            pass
    assert not any(tmp_path.iterdir())
    assert zoo_origin(IMAGENET, tmp_path) is None
    assert zoo_origin(None, tmp_path) is None


def test_an_origin_has_the_checksum(tmp_path: Path) -> None:
    zoo = put(tmp_path / "zoo", "derm")
    assert origin(zoo / "derm") == zoo_origin("derm", zoo) == "derm (zoo, sha256 abababababab)"
    assert origin(tmp_path / "x.ckpt") == str(tmp_path / "x.ckpt")
    (tmp_path / "x.ckpt").touch()
    assert zoo_origin(str(tmp_path / "x.ckpt"), zoo) is None


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    zoo = put(tmp_path / "zoo", "derm")
    with pytest.raises(CheckpointError, match="has an encoder 'derm' already") as caught:
        fill(zoo, "derm", replace=False)
    assert "--replace" in str(caught.value)
    (zoo / "photos").mkdir()
    with pytest.raises(CheckpointError, match="something else is there"):
        fill(zoo, "photos", replace=True)


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    zoo = put(tmp_path / "zoo", "derm")
    with pytest.raises(FileNotFoundError):
        fill(zoo, "derm", replace=True)
    assert [path.name for path in zoo.iterdir()] == ["derm"]
    assert entries(zoo) == ([("derm", replace(ABOUT, name="derm"))], [])


def test_a_damaged_entry_hides_no_other(tmp_path: Path) -> None:
    zoo = put(tmp_path / "zoo", "a", "b")
    (zoo / "a" / "about.json").write_text("{")
    (zoo / "notes").mkdir()
    found, damaged = entries(zoo)
    assert [name for name, _ in found] == ["b"]
    assert [each.name for each in damaged] == ["a"]
    assert entries(tmp_path / "nowhere") == ([], [])


KILLED = """
import os, signal, sys
from pathlib import Path
from dermctl.models.zoo.shelf import new_entry
at, after, renames, plain = int(sys.argv[2]), sys.argv[3] == "after", 0, Path.replace
def die(path, target):
    global renames
    renames += 1
    if renames == at and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    plain(path, target)
    if renames == at:
        os.kill(os.getpid(), signal.SIGKILL)
Path.replace = die
from dermctl.files import write_text
with new_entry(Path(sys.argv[1]), "derm", replace=True) as folder:
    for name in ("about.json", "encoder.safetensors"):
        write_text(folder / name, "new")
"""
RENAMES = 4
"""Of two files, of the old entry, of the new one."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_rename_it_is_old_or_new(tmp_path: Path, when: str) -> None:
    for at in range(1, RENAMES + 2):
        zoo = tmp_path / str(at)
        (zoo / "derm").mkdir(parents=True)
        for name in ("about.json", "encoder.safetensors"):
            (zoo / "derm" / name).write_text("old")
        words = [sys.executable, "-c", KILLED, str(zoo), str(at), when]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == (-signal.SIGKILL if at <= RENAMES else 0), done.stderr
        assert entry_names(zoo) == ["derm"]
        found = {path.name: path.read_text() for path in (zoo / "derm").iterdir()}
        done_by_then = at > RENAMES or (at == RENAMES and when == "after")
        state = "new" if done_by_then else "old"
        assert found == dict.fromkeys(("about.json", "encoder.safetensors"), state), at
        with new_entry(zoo, "derm", replace=True) as folder:
            (folder / "about.json").write_text("newer")
        assert [path.name for path in zoo.iterdir()] == ["derm"], "nothing is left behind"
