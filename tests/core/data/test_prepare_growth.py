"""A prepared dataset that grows: images keep their split, and what cannot is listed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dermctl.core.data import prepare as module
from dermctl.core.data.account import Prepared
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.sources.base import ReadOptions
from dermctl.errors import DataError
from dermctl.progress import SilentProgress
from dermctl.workspace import Workspace
from tests.core.data.clinic import column, tables
from tests.made import write_picture

PATIENTS, EACH = 12, 2


@dataclass
class Row:
    """One row of the table."""

    image: str
    patient: str = ""
    lesion: str = ""
    split: str = ""


@dataclass
class Growing:
    """A table that rows are added to, and the workspace that it is prepared in."""

    root: Path
    rows: list[Row] = field(default_factory=list)
    number: int = 0

    def add(self, *rows: Row) -> None:
        """Add rows, each with a picture of its own."""
        for row in rows:
            write_picture(self.root / "photos" / f"{row.image}.png", self.number)
            self.number += 1
        self.rows += rows

    def prepare(self, said: list[str] | None = None, **changes: object) -> Prepared:
        """Prepare the table as it stands, in the order in which the rows stand."""
        split = any(row.split for row in self.rows)
        lines = ["file,diagnosis,patient,lesion" + (",split" if split else "")]
        for row in self.rows:
            label = "melanoma" if hash_of(row.patient or row.image) % 2 else "nevus"
            tail = f",{row.split}" if split else ""
            lines.append(f"{row.image},{label},{row.patient},{row.lesion}{tail}")
        table = self.root / "table.csv"
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")
        read = ReadOptions(
            csv=table,
            image_column="file",
            label_column="diagnosis",
            patient_column="patient",
            lesion_column="lesion",
        )
        request = PrepareRequest(
            source="csv",
            raw=self.root / "photos",
            name="clinic",
            read=read,
            size=32,
            workers=1,
            **changes,  # type: ignore[arg-type]
        )
        return prepare(Workspace(self.root / "workspace"), request, Listening(said))


class Listening(SilentProgress):
    """Writes down what is said."""

    def __init__(self, said: list[str] | None) -> None:
        self.said = said if said is not None else []

    def say(self, message: str) -> None:
        self.said.append(message)


def hash_of(text: str) -> int:
    return sum(map(ord, text))


def splits(prepared: Prepared) -> dict[str, str]:
    """Image -> split."""
    found = tables(prepared.folder)
    return {name: split for split in SPLITS for name in column(found, "image_id", [split])}


def rejected(prepared: Prepared) -> dict[str, tuple[str, str]]:
    """Image -> reason and detail."""
    rows = tables(prepared.folder)["rejected"].to_pylist()
    return {row["image_id"]: (row["reason"], row["detail"]) for row in rows}


def one_in(of: Mapping[str, str], split: str) -> str:
    """An image of this split."""
    return min(name for name, own in of.items() if own == split)


def patients(numbers: Sequence[int], split: Callable[[int], str] = lambda _: "") -> list[Row]:
    """Two images of each of these patients."""
    return [Row(f"i{n:02}{e}", f"P{n:02}", split=split(n)) for n in numbers for e in range(EACH)]


def row_of(growing: Growing, image: str) -> Row:
    return next(row for row in growing.rows if row.image == image)


@pytest.fixture
def growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Growing:
    """Twelve patients, not prepared yet."""
    monkeypatch.setattr(module, "write_dataset_report", lambda path, *_: path.write_text(""))
    found = Growing(tmp_path)
    found.add(*patients(range(PATIENTS)))
    return found


def test_no_image_changes_its_split_as_the_dataset_grows(growing: Growing) -> None:
    before = splits(growing.prepare())
    order = random.Random(0)
    for step in range(1, 4):
        growing.add(*patients(range(100 * step, 100 * step + 3)))
        growing.add(Row(f"late{step}", f"P{step:02}"))  # one more of an old patient
        order.shuffle(growing.rows)
        prepared = growing.prepare()
        after = splits(prepared)
        assert not prepared.rejected
        assert {name: after[name] for name in before} == before
        assert after[f"late{step}"] == before[f"i{step:02}0"]
        assert set(after) == {row.image for row in growing.rows}
        before = after


def test_new_groups_go_where_the_deficit_is_largest(growing: Growing) -> None:
    first = splits(growing.prepare(val=0.1, test=0.1))
    growing.add(*patients(range(50, 62)))
    after = splits(growing.prepare(test=0.4))
    new = [after[row.image] for row in growing.rows if row.image not in first]
    assert {name: after[name] for name in first} == first
    assert new.count("test") > len(new) / 2  # it lacks 30 % of all images, train none
    assert list(after.values()).count("test") == pytest.approx(0.4 * len(after), abs=EACH)


def test_the_recipe_is_kept_and_said(growing: Growing) -> None:
    growing.prepare(val=0.2, test=0.3, seed=7)
    said: list[str] = []
    prepared = growing.prepare(said)
    recipe = json.loads((prepared.folder / "dataset.json").read_text())["split"]
    assert (recipe["val"], recipe["test"], recipe["seed"]) == (0.2, 0.3, 7)
    (line,) = [line for line in said if "there already" in line]
    assert "24 images keep their split" in line
    assert "val 0.2, test 0.3, seed 7" in line
    changed = growing.prepare(said, val=0.1)
    recipe = json.loads((changed.folder / "dataset.json").read_text())["split"]
    assert (recipe["val"], recipe["test"], recipe["seed"]) == (0.1, 0.3, 7)


def test_a_new_image_that_ties_two_splits_together_is_left_out(growing: Growing) -> None:
    before = splits(growing.prepare())
    train, test = one_in(before, "train"), one_in(before, "test")
    row_of(growing, train).lesion = "L1"
    growing.prepare()
    growing.add(Row("bridge", row_of(growing, test).patient, "L1"))
    prepared = growing.prepare()
    assert rejected(prepared)["bridge"][0] == "bridges_splits"
    assert prepared.rejected == {"bridges_splits": 1}
    assert splits(prepared) == before
    assert prepared.rows == prepared.kept + 1


@pytest.mark.parametrize(("weaker", "stronger"), [("train", "val"), ("train", "test")])
def test_old_images_that_turn_out_to_be_linked_are_withdrawn_for_good(
    growing: Growing, weaker: str, stronger: str
) -> None:
    before = splits(growing.prepare())
    out, stays = one_in(before, weaker), one_in(before, stronger)
    for name in (out, stays):
        row_of(growing, name).lesion = "L1"
    gone = {name for name in before if name[:3] == out[:3]}  # the whole patient is tied to it
    first = growing.prepare()
    assert {name for name, why in rejected(first).items() if why[0] == "leak"} == gone
    assert all(f"in {stronger}" in why for _, why in rejected(first).values())
    assert splits(first) == {name: own for name, own in before.items() if name not in gone}
    row_of(growing, out).lesion = ""
    again = growing.prepare()
    assert rejected(again) == rejected(first)
    assert splits(again) == splits(first)


def test_the_users_own_splits_are_honoured(growing: Growing) -> None:
    names = {0: "test", 1: "test", 2: "val", 3: "val"}
    growing.rows = patients(range(PATIENTS), lambda n: names.get(n, "train"))
    prepared = growing.prepare()
    assert splits(prepared) == {row.image: row.split for row in growing.rows}


def test_validation_is_drawn_from_a_published_train_split(growing: Growing) -> None:
    growing.rows = patients(range(PATIENTS), lambda n: "test" if n < 2 else "train")
    said: list[str] = []
    prepared = growing.prepare(said, val=0.2)
    found = splits(prepared)
    assert {n for n, own in found.items() if own == "test"} == {"i000", "i001", "i010", "i011"}
    assert list(found.values()).count("val") == 4  # 20 % of the other twenty
    assert said == ["the source's own split is kept: test"]
    growing.add(Row("more", "P50", split="train"), Row("held", "P51", split="test"))
    after = splits(growing.prepare())
    assert {name: after[name] for name in found} == found
    assert after["held"] == "test"
    assert after["more"] != "test"


def test_a_published_split_that_divides_a_patient_loses_its_train_side(growing: Growing) -> None:
    growing.rows = patients(range(PATIENTS), lambda n: "test" if n < 2 else "train")
    row_of(growing, "i000").split = "train"
    prepared = growing.prepare()
    assert rejected(prepared) == {"i000": ("leak", "linked to i001 in test")}
    assert prepared.rejected == {"leak": 1}
    assert "i000" not in splits(prepared)
    assert rejected(growing.prepare()) == rejected(prepared)


def test_a_split_that_cannot_be_read_is_not_drawn_anew_unasked(growing: Growing) -> None:
    folder = growing.prepare().folder
    (folder / "val.parquet").unlink()
    with pytest.raises(DataError, match=r"cannot be read.*remove that folder"):
        growing.prepare()


def test_another_source_under_the_same_name_starts_afresh(growing: Growing) -> None:
    folder = growing.prepare(seed=5).folder
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "source": "folder"}))
    growing.prepare()
    assert json.loads(path.read_text())["split"]["seed"] == 0
