"""Writing: the same bytes every time, whatever happened before, and never over foreign files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dermctl.datasets.synthetic import draw_sample
from dermctl.datasets.synthetic.folder import MARKER
from dermctl.errors import DataError, UsageFault
from dermctl.progress import Task
from tests.datasets.synthetic.conftest import Drawn

EMPTY = hashlib.sha256(b"").hexdigest()  # One of the defects: the same in every sample.


class Killed(BaseException):
    """Stands for a signal: nothing catches it."""


class KillAfter:
    """Progress that ends the run after some images, and counts what it was told."""

    def __init__(self, images: int | None = None) -> None:
        self.left = images
        self.total: float | None = None
        self.advanced = 0.0

    @contextmanager
    def task(
        self, description: str, total: float | None = None, unit: str = "images"
    ) -> Iterator[Task]:
        self.total = total
        yield self

    def advance(self, amount: float = 1) -> None:
        self.advanced += amount
        if self.left is not None and self.advanced >= self.left:
            raise Killed

    def update(self, *, total: float | None = None, note: str | None = None) -> None:
        pass

    def say(self, message: str) -> None:
        pass


def digest(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_seed_gives_the_same_bytes_and_another_seed_others(drawn: Drawn, tmp_path: Path) -> None:
    draw_sample(tmp_path / "again", images=60, seed=3)
    assert digest(tmp_path / "again") == digest(drawn.folder)
    with pytest.raises(Killed):
        draw_sample(tmp_path / "other", images=60, seed=4, progress=KillAfter(5))
    ours, theirs = digest(drawn.folder), digest(tmp_path / "other")
    pictures = {theirs[name] for name in theirs if "imgs" in name} - {EMPTY}
    assert len(pictures) >= 3
    assert not pictures & set(ours.values())


def test_a_killed_run_is_gone_on_with(drawn: Drawn, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        draw_sample(tmp_path, images=60, seed=3, progress=KillAfter(18))
    assert not (tmp_path / "metadata.csv").exists()
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("PAT_*.png")}
    assert 12 < len(written) <= 18
    # The kill came in the middle of a file: its beginning lies under a temporary name.
    unfinished = next(
        path
        for path in digest(drawn.folder)
        if "imgs_part_1" in path and not (tmp_path / path).exists()
    )
    whole = (drawn.folder / unfinished).read_bytes()
    half = (tmp_path / unfinished).with_name(f".{Path(unfinished).name}.part")
    half.write_bytes(whole[: len(whole) // 2])
    progress = KillAfter(None)
    summary = draw_sample(tmp_path, images=60, seed=3, progress=progress)
    assert digest(tmp_path) == digest(drawn.folder)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert summary.drawn == drawn.summary.drawn - len(written)
    assert progress.advanced == progress.total == 60


def test_a_finished_sample_is_left_as_it_is(drawn: Drawn) -> None:
    before = digest(drawn.folder)
    summary = draw_sample(drawn.folder, images=60, seed=3)
    assert summary.drawn == 0
    assert digest(drawn.folder) == before


def test_another_recipe_replaces_the_sample_but_nothing_else(drawn: Drawn, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        draw_sample(tmp_path, images=60, seed=8, progress=KillAfter(6))
    note = tmp_path / "images" / "imgs_part_1" / "PAT_1_1_1.png"
    note.write_bytes(b"somebody's own")
    draw_sample(tmp_path, images=60, seed=3)
    assert note.read_bytes() == b"somebody's own"
    note.unlink()
    assert digest(tmp_path) == digest(drawn.folder)


def test_refuses_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_bytes(b"x")
    with pytest.raises(DataError, match="not empty") as fault:
        draw_sample(tmp_path, images=60)
    assert str(tmp_path) in str(fault.value)
    assert digest(tmp_path).keys() == {"thesis.docx"}


def test_refuses_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "sample").write_bytes(b"x")
    with pytest.raises(DataError, match="is a file"):
        draw_sample(tmp_path / "sample", images=60)


def test_goes_on_after_a_kill_before_the_first_file_was_named(tmp_path: Path) -> None:
    (tmp_path / f".{MARKER}.part").write_bytes(b"{")
    with pytest.raises(Killed):
        draw_sample(tmp_path, images=60, progress=KillAfter(1))
    assert json.loads((tmp_path / MARKER).read_text())["images"] == 60
    assert not (tmp_path / f".{MARKER}.part").exists()


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("not json", "damaged"),
        ('{"images": 60}', "damaged"),
        ("[1]", "damaged"),
        ('{"images": 60, "seed": 0, "drawing": 999}', "another version"),
        ('{"images": 10, "seed": 0, "drawing": 1}', "damaged"),
    ],
)
def test_refuses_a_sample_it_cannot_replace(tmp_path: Path, marker: str, said: str) -> None:
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(DataError, match=said):
        draw_sample(tmp_path, images=60)
    assert digest(tmp_path).keys() == {MARKER}


@pytest.mark.parametrize("wrong", [{"images": 59}, {"images": 60, "seed": -1}])
def test_refuses_sizes_and_seeds_out_of_range(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageFault):
        draw_sample(tmp_path / "new", **wrong)
    assert not (tmp_path / "new").exists()
