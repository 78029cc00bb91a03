"""Files appear whole or not at all; a folder swap that was cut short is undone."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from dermctl.errors import DataError
from dermctl.files import (
    recover_folder,
    replacing,
    settle,
    sole_writer,
    swap_folder,
    write_json,
    write_text,
)
from dermctl.lock import only_one


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def folder_with(path: Path, text: str) -> Path:
    path.mkdir(parents=True)
    (path / "inside").write_text(text)
    return path


def test_replacing_puts_the_file_in_place_only_at_the_end(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "file.txt"
    with replacing(place) as temporary:
        temporary.write_text("new")
        assert temporary.parent == place.parent
        assert not place.exists()
    assert place.read_text() == "new"
    assert names(place.parent) == ["file.txt"]


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_replacing_leaves_the_old_file_when_the_block_fails(
    tmp_path: Path, fault: type[BaseException]
) -> None:
    place = tmp_path / "file.txt"
    place.write_text("old")

    def work() -> None:
        with replacing(place) as temporary:
            temporary.write_text("half")
            raise fault

    with pytest.raises(fault):
        work()
    assert place.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_write_text_is_utf8_and_write_json_reads_back(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "Größe ± 2 µm")
    assert (tmp_path / "text").read_bytes() == "Größe ± 2 µm".encode()
    document = {"name": "nævus", "n": 3, "list": [1.5, None, True]}
    write_json(tmp_path / "x.json", document)
    assert json.loads((tmp_path / "x.json").read_bytes()) == document
    assert (tmp_path / "x.json").read_text(encoding="utf-8").endswith("}\n")


def test_write_json_refuses_what_is_no_json_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert names(tmp_path) == []


def test_swap_folder_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    place = folder_with(tmp_path / "data" / "isic", "old")
    swap_folder(folder_with(tmp_path / "data" / ".isic.partial", "new"), place)
    assert (place / "inside").read_text() == "new"
    assert names(tmp_path / "data") == ["isic"]


def test_swap_folder_to_an_empty_place(tmp_path: Path) -> None:
    place = tmp_path / "isic"
    swap_folder(folder_with(tmp_path / "new", "new"), place)
    assert (place / "inside").read_text() == "new"
    assert names(tmp_path) == ["isic"]


def test_swap_killed_between_the_renames_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder_with(tmp_path / "isic", "old")
    new = folder_with(tmp_path / ".isic.partial", "new")
    rename, done = Path.replace, []

    def killed_at_the_second(self: Path, target: Path) -> Path:
        if done:
            raise KeyboardInterrupt
        done.append(target)
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        swap_folder(new, place)
    monkeypatch.undo()
    assert not place.exists(), "the moment that is meant: nothing lies at the place"

    recover_folder(place)
    assert (place / "inside").read_text() == "old"
    assert names(tmp_path) == [".isic.partial", "isic"]

    swap_folder(new, place)
    assert (place / "inside").read_text() == "new"
    assert names(tmp_path) == ["isic"]


def test_swap_killed_before_its_clean_up_keeps_the_new_folder(tmp_path: Path) -> None:
    place = folder_with(tmp_path / "isic", "new")
    folder_with(tmp_path / ".isic.old", "old")
    recover_folder(place)
    assert (place / "inside").read_text() == "new"
    assert names(tmp_path) == ["isic"]


def test_recover_folder_does_nothing_where_nothing_happened(tmp_path: Path) -> None:
    recover_folder(tmp_path / "isic")
    assert names(tmp_path) == []


def test_a_reader_brings_back_what_a_killed_swap_left_aside(tmp_path: Path) -> None:
    folder_with(tmp_path / ".isic.old", "old")
    settle(tmp_path / "isic")
    assert (tmp_path / "isic" / "inside").read_text() == "old"
    assert names(tmp_path) == ["isic"]
    settle(tmp_path / "isic")
    settle(tmp_path / "padufes")
    assert names(tmp_path) == ["isic"]


def test_a_reader_waits_for_a_swap_that_is_under_way(tmp_path: Path) -> None:
    """Between the renames nothing lies at the place, and its writer is alive."""
    place, old = tmp_path / "isic", folder_with(tmp_path / ".isic.old", "old")
    held, done, read = Event(), Event(), Event()

    def write() -> None:
        with only_one(tmp_path / ".isic.lock", "", ""):
            held.set()
            time.sleep(0.1)
            done.set()
            folder_with(tmp_path / "new", "new").replace(place)
            read.wait(60)

    writer = Thread(target=write)
    writer.start()
    held.wait()
    settle(place)
    there = old.exists()
    read.set()
    assert done.is_set()
    writer.join()
    assert (place / "inside").read_text() == "new"
    assert there, "left to the next writer"


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    place = folder_with(tmp_path / "isic", "old")
    with (
        sole_writer(place),
        pytest.raises(DataError, match="another command is writing 'isic'"),
        sole_writer(place),
    ):
        pass
    with sole_writer(tmp_path / "padufes"), sole_writer(place):
        assert names(tmp_path) == [".isic.lock", ".padufes.lock", "isic"]
    assert names(tmp_path) == ["isic"]
