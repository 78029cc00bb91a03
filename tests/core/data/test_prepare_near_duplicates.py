"""Near-duplicates in a dataset that is prepared: grouped, remembered, explained, or not sought."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermctl.core.data import prepare as module
from dermctl.core.data import split as split_module
from dermctl.core.data.account import Prepared
from dermctl.core.data.prepare import PrepareRequest, prepare
from dermctl.core.data.split import SplitRequest, split
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.near_duplicates import MAX_LESIONS
from dermctl.datasets.near_duplicates.table import PUBLISHED, read_near_duplicates
from dermctl.datasets.sources.base import ReadOptions
from dermctl.workspace import Workspace
from tests.core.data.clinic import column, tables
from tests.datasets.near_duplicates.pictures import copies, draw

LESIONS = 12


@dataclass
class Album:
    """A folder of drawn pictures, one a lesion, and the table that names them."""

    root: Path
    names: list[str] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root / "workspace")

    def add(self, name: str, picture: np.ndarray) -> None:
        path = self.root / "photos" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(path)
        self.names.append(name)

    def prepare(self, **changes: object) -> Prepared:
        lines = [
            f"{name},{'nevus' if number % 2 else 'melanoma'}"
            for number, name in enumerate(self.names)
        ]
        table = self.root / "table.csv"
        table.write_text("\n".join(["file,diagnosis", *lines]) + "\n", encoding="utf-8")
        read = ReadOptions(csv=table, image_column="file", label_column="diagnosis")
        request = PrepareRequest(
            source="csv",
            raw=self.root / "photos",
            name="album",
            read=read,
            size=180,
            workers=1,
            val=0.2,
            test=0.3,
            **changes,  # type: ignore[arg-type]
        )
        return prepare(self.workspace, request)


@pytest.fixture
def album(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Album:
    """Twelve pictures, none near another."""
    for own in (module, split_module):
        monkeypatch.setattr(own, "write_dataset_report", lambda path, *_: path.write_text(""))
    found = Album(tmp_path)
    for number in range(LESIONS):
        found.add(f"i{number:02}", draw(number))
    return found


def splits(prepared: Prepared) -> dict[str, str]:
    found = tables(prepared.folder)
    return {name: own for own in SPLITS for name in column(found, "image_id", [own])}


def groups(prepared: Prepared) -> dict[str, str]:
    found = tables(prepared.folder)
    return dict(zip(column(found, "image_id"), column(found, "group_id"), strict=True))


def rejected(prepared: Prepared) -> dict[str, tuple[str, str]]:
    rows = tables(prepared.folder)["rejected"].to_pylist()
    return {row["image_id"]: (row["reason"], row["detail"]) for row in rows}


def one_in(of: dict[str, str], own: str) -> str:
    return min(name for name, its in of.items() if its == own)


def number(name: str) -> int:
    return int(name[1:])


def test_copies_are_one_group_and_stand_in_the_table(album: Album) -> None:
    made = copies(draw(3))
    album.add("mirrored", made["mirrored"])
    album.add("cropped", made["cropped"])
    prepared = album.prepare()
    own = groups(prepared)
    assert own["mirrored"] == own["cropped"] == own["i03"] == "album:cropped"
    assert len(set(own.values())) == LESIONS
    found = read_near_duplicates(prepared.folder)
    assert found.searched
    assert {frozenset(pair) for pair in found.ids()} == {
        frozenset(pair)
        for pair in (("i03", "mirrored"), ("i03", "cropped"), ("mirrored", "cropped"))
    }
    joined = prepared.to_json()["near_duplicates"]
    assert joined == {
        "searched": True,
        "pairs": 3,
        "copies": 3,
        "published": 0,
        "groups": LESIONS,
        "groups_without": LESIONS + 2,
        "to_look_at": [],
    }
    document = json.loads((prepared.folder / "dataset.json").read_text())
    assert document["near_duplicates"] == joined
    assert "near-duplicates" in document["split"]["grouped_by"]


def test_a_copy_goes_where_its_original_is_as_the_dataset_grows(album: Album) -> None:
    before = splits(album.prepare())
    for own in SPLITS:
        old = one_in(before, own)
        album.add(f"copy-of-{old}", copies(draw(number(old)))["turned"])
    prepared = album.prepare()
    after = splits(prepared)
    assert not prepared.rejected
    assert {name: after[name] for name in before} == before
    for name, own in after.items():
        assert own == before[name.removeprefix("copy-of-")]


def test_a_new_picture_that_shows_two_old_ones_is_left_out(album: Album) -> None:
    """As a collage of two photographs that lie in different splits."""
    before = splits(album.prepare())
    train, test = (draw(number(one_in(before, own))) for own in ("train", "test"))
    album.add("bridge", np.concatenate([train, test], axis=1))
    prepared = album.prepare()
    assert rejected(prepared) == {"bridge": ("bridges_splits", "ties together test and train")}
    assert splits(prepared) == before
    named = {name for pair in read_near_duplicates(prepared.folder).ids() for name in pair}
    assert "bridge" in named, "the table says why"


@pytest.mark.parametrize(("weaker", "stronger"), [("train", "val"), ("val", "test")])
def test_copies_that_were_not_sought_before_are_withdrawn_from_the_weaker_split(
    album: Album, weaker: str, stronger: str
) -> None:
    before = splits(album.prepare(near_duplicates=False))
    out, stays = one_in(before, weaker), one_in(before, stronger)
    copy = copies(draw(number(stays)))["re-encoded"]
    Image.fromarray(copy).save(album.root / "photos" / f"{out}.png")
    unsought = album.prepare(near_duplicates=False)
    assert splits(unsought) == before
    assert not read_near_duplicates(unsought.folder).searched
    assert (
        "near-duplicates"
        not in json.loads((unsought.folder / "dataset.json").read_text())["split"]["grouped_by"]
    )
    prepared = album.prepare()
    assert rejected(prepared) == {out: ("leak", f"linked to {stays} in {stronger}")}
    assert splits(prepared) == {name: own for name, own in before.items() if name != out}
    again = album.prepare()
    assert rejected(again) == rejected(prepared)
    assert splits(again) == splits(prepared)


def test_images_that_drop_out_and_come_back_keep_their_split(album: Album) -> None:
    before = splits(album.prepare())
    away = [one_in(before, own) for own in SPLITS]
    names = list(album.names)
    album.names = [name for name in names if name not in away]
    for extra in range(6):
        album.add(f"more{extra}", draw(100 + extra))
    without = splits(album.prepare())
    assert not set(away) & set(without)
    album.names += away
    after = splits(album.prepare())
    assert {name: after[name] for name in before} == before
    assert {name: after[name] for name in without} == without


def test_a_new_draw_begins_a_new_history_and_keeps_the_pairs(album: Album) -> None:
    album.add("copy", copies(draw(3))["halved"])
    first = album.prepare()
    gone = album.names.pop(0)
    album.prepare()
    split(album.workspace, SplitRequest("album", seed=5))
    assert read_near_duplicates(first.folder).ids() == [("i03", "copy")]
    drawn = splits(first)
    assert drawn["copy"] == drawn["i03"]
    album.names.append(gone)
    after = splits(album.prepare(seed=5))
    assert {name: after[name] for name in drawn} == drawn


def test_pairs_that_the_publisher_lists_are_links(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = module.read_labelled

    def with_pairs(*given: object) -> object:
        table = read(*given)
        table.duplicates.extend([("i02", "i07"), ("i02", "unknown")])
        return table

    monkeypatch.setattr(module, "read_labelled", with_pairs)
    prepared = album.prepare(near_duplicates=False)
    own = groups(prepared)
    assert own["i02"] == own["i07"]
    (link,) = read_near_duplicates(prepared.folder).links
    assert (link.kind, link.score) == (PUBLISHED, None)
    assert prepared.near_duplicates.published == 1


def test_components_of_many_lesions_are_listed(album: Album) -> None:
    crops = [f"crop{n}" for n in range(MAX_LESIONS)]
    for n, name in enumerate(crops):
        album.add(name, np.ascontiguousarray(draw(3)[n : 180 - n, n + 1 :]))
    prepared = album.prepare()
    (component,) = prepared.near_duplicates.to_look_at
    assert component.lesions == MAX_LESIONS + 1
    assert set(component.images) == {"i03", *crops}
    document = json.loads((prepared.folder / "dataset.json").read_text())
    (listed,) = document["near_duplicates"]["to_look_at"]
    assert listed == {"lesions": MAX_LESIONS + 1, "images": list(component.images)}


def test_excluded_images_are_rejected_and_recorded(album: Album) -> None:
    before = splits(album.prepare())
    listed = album.root / "bad.txt"
    listed.write_text("i04.png\ni05\nelsewhere.png\n")
    prepared = album.prepare(exclude=(listed,))
    assert rejected(prepared) == dict.fromkeys(["i04", "i05"], ("excluded", "named by bad.txt"))
    (record,) = json.loads((prepared.folder / "dataset.json").read_text())["exclusions"]
    assert (record["file"], record["names"], record["unmatched"], record["rows"]) == (
        "bad.txt",
        3,
        1,
        2,
    )
    assert splits(album.prepare()) == before
