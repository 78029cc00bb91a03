"""Held-out images are kept from a training, whatever else lies in the workspace."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermctl.core.gate import pictures_here
from dermctl.core.left_out import (
    GROUP,
    LEFT_OUT_FILE,
    LeftOut,
    LeftOutImage,
    group_mates,
    held_out,
    leave_out,
    workspace_datasets,
)
from dermctl.datasets.manifest import MANIFEST_VERSION, manifest_schema, write_manifest
from dermctl.datasets.packing import pack
from dermctl.datasets.pictures import Pictures
from dermctl.datasets.prepared import Split, load_split
from dermctl.datasets.store import STORE_FOLDER, StoreWriter
from dermctl.errors import DataError
from dermctl.workspace import DATASET_FILE, Workspace
from tests.datasets.near_duplicates.pictures import copies, draw
from tests.told import Told

Image = tuple[str, np.ndarray, str | None, str | None]
"""Id, pixels, patient, group."""


def make(folder: Path, source: str = "ham10000", **splits: list[Image]) -> Path:
    """A prepared dataset of these images."""
    about = {
        "manifest_version": MANIFEST_VERSION,
        "name": folder.name,
        "source": source,
        "synthetic": False,
    }
    with StoreWriter(folder / STORE_FOLDER) as writer:
        for name in ("train", "val", "test"):
            images = splits.get(name, [])
            packed = [pack(pixels, lossless=True) for _, pixels, *_ in images]
            places = [
                writer.add(image[0], data) for image, data in zip(images, packed, strict=True)
            ]
            columns = {
                "image_id": [image[0] for image in images],
                "dataset": [folder.name] * len(images),
                "patient_id": [image[2] for image in images],
                "group_id": [image[3] or f"{name}{n}" for n, image in enumerate(images)],
                "sha256": [hashlib.sha256(data).hexdigest() for data in packed],
                "phash": [0] * len(images),
                "width": [1] * len(images),
                "height": [1] * len(images),
                "shard": [shard for shard, _ in places],
                "row": [row for _, row in places],
            }
            schema = manifest_schema()
            arrays = [
                pa.array(columns.get(field.name, [None] * len(images)), field.type)
                for field in schema
            ]
            table = pa.table(arrays, schema=schema)
            write_manifest(folder / f"{name}.parquet", table, about)
    (folder / DATASET_FILE).write_text(json.dumps(about))
    return folder


def one(seed: int, patient: str | None = None, group: str | None = None) -> Image:
    return f"ISIC_{seed}", draw(seed, 90, 120), patient, group


def left(*folders: Path) -> dict[str, LeftOutImage]:
    """What is left out of the training splits of all these datasets."""
    splits = [[load_split(folder, name) for folder in folders] for name in ("train", "val")]
    watched = held_out(folders, ("val", "test"))
    train, val, gone = leave_out(*splits, watched, Pictures(folders, 1))
    assert sum(map(len, (*train, *val, gone))) == sum(map(len, (*splits[0], *splits[1])))
    return {image.image_id: image for image in gone.images}


@pytest.mark.parametrize("kind", sorted(copies(draw(0, 90, 120))))
def test_a_copy_of_each_kind_in_another_dataset(tmp_path: Path, kind: str) -> None:
    planted = [(f"c{seed}", copies(draw(seed, 180, 240))[kind], None, None) for seed in (1, 2, 3)]
    tested = make(
        tmp_path / "tested",
        test=[("t1", draw(1, 180, 240), None, None)],
        val=[("v2", draw(2, 180, 240), None, None)],
    )
    other = make(tmp_path / "other", "csv", train=planted)
    gone = left(tested, other)
    assert {name: image.reason for name, image in gone.items()} == {
        "c1": "same picture",
        "c2": "same picture",
    }
    assert gone["c1"].tied_to == "tested/test/t1"
    assert gone["c2"].tied_to == "tested/val/v2"


def test_a_patient_or_an_id_shared_in_the_isic_family(tmp_path: Path) -> None:
    tested = make(tmp_path / "tested", test=[one(1, "IP_1"), one(2)])
    renamed = ("ISIC_2", draw(9, 90, 120), None, None)
    family = make(tmp_path / "family", "isic2020", train=[one(3, "IP_1"), renamed, one(4, "IP_2")])
    own = make(tmp_path / "own", "csv", train=[one(5, "IP_1")])
    gone = left(tested, family, own)
    assert {name: image.reason for name, image in gone.items()} == {
        "ISIC_3": "same patient",
        "ISIC_2": "same image id",
    }


def test_validation_gives_way_to_test_and_a_group_goes_whole(tmp_path: Path) -> None:
    tested = make(tmp_path / "tested", test=[one(1)])
    again = ("again", draw(1, 90, 120), None, "family")
    mate = ("mate", draw(7, 90, 120), None, "family")
    other = make(tmp_path / "other", "csv", val=[again, mate, one(8)], train=[one(6)])
    gone = left(tested, other)
    assert gone["again"].reason == "same bytes"
    assert gone["mate"].reason == GROUP
    assert gone["mate"].tied_to == gone["again"].tied_to == "tested/test/ISIC_1"
    assert gone.keys() == {"again", "mate"}


def test_smooth_pictures_are_compared_pixel_by_pixel(tmp_path: Path) -> None:
    """They have next to no keypoints to be told by."""
    brighter = np.clip(smooth(0).astype(int) + 3, 0, 255).astype(np.uint8)
    mirror = np.ascontiguousarray(brighter[:, ::-1])
    tested = make(tmp_path / "tested", test=[("t", smooth(0), None, None)])
    rows: list[Image] = [("m", mirror, None, None), ("o", smooth(50), None, None)]
    other = make(tmp_path / "other", "csv", train=rows)
    with_hashes(other, "train")
    with_hashes(tested, "test")
    assert left(tested, other).keys() == {"m"}


def smooth(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(60, 200, (4, 4)).astype(np.float32)
    grey = cv2.resize(coarse, (80, 60), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def with_hashes(folder: Path, name: str) -> None:
    """Give a split the perceptual hashes of its pictures."""
    split = load_split(folder, name)
    prefixes = Pictures([folder]).orientations(
        np.array([int(digest[:16], 16) for digest in split.column("sha256")], np.uint64)
    )
    column = split.table.schema.get_field_index("phash")
    table = split.table.set_column(column, "phash", pa.array(prefixes[:, 0]))
    write_manifest(folder / f"{name}.parquet", table, split.description)


def test_clean_datasets_lose_nothing(tmp_path: Path) -> None:
    seeds = iter(range(100, 200))
    folders = [
        make(
            tmp_path / name,
            train=[one(next(seeds)) for _ in range(6)],
            val=[one(next(seeds)) for _ in range(2)],
            test=[one(next(seeds)) for _ in range(3)],
        )
        for name in ("a", "b")
    ]
    assert left(*folders) == {}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path)
    for number, name in enumerate(("good", "bad")):
        make(found.data / name, train=[one(number)], test=[one(10 + number)])
    return found


@pytest.mark.parametrize("damage", ["lost", "cut short"])
def test_a_damaged_dataset_is_said_with_what_to_type(workspace: Workspace, damage: str) -> None:
    path = workspace.data / "bad" / "test.parquet"
    path.write_bytes(path.read_bytes()[:100]) if damage == "cut short" else path.unlink()
    with pytest.raises(DataError) as caught:
        held_out(workspace_datasets(workspace), ("val", "test"))
    line = str(caught.value)
    assert "what the dataset 'bad' holds out cannot be known" in line
    assert str(path) in line
    assert "dermctl data prepare" in line
    assert "move" in line
    assert "\n" not in line


def test_a_dataset_without_its_own_account_is_not_forgotten(workspace: Workspace) -> None:
    (workspace.data / "bad" / DATASET_FILE).unlink()
    shutil.copytree(workspace.data / "good", workspace.data / ".good.partial")
    names = {folder.name for folder in workspace_datasets(workspace)}
    assert names == {"good", "bad"}


@pytest.mark.parametrize("file", ["test.parquet", f"{STORE_FOLDER}/shard-00000.arrow"])
def test_an_evaluation_goes_on_without_another_damaged_dataset(
    workspace: Workspace, file: str
) -> None:
    (workspace.data / "bad" / file).write_bytes(b"damaged")
    told = Told()
    pictures = pictures_here(workspace, workspace.data / "good", told)  # type: ignore[arg-type]
    assert len(told.said) == 1
    assert "'bad' cannot be compared" in told.said[0]
    good = load_split(workspace.data / "good", "train")
    assert len(pictures.names(np.zeros(1, np.uint64))) == 1
    assert len(good) == 1


def test_group_mates() -> None:
    table = pa.table({"group_id": ["a", "b", "a", "c", "b"]})
    split = Split(Path("x"), "train", table, {}, "")
    assert group_mates(split, [2, 3]) == {0: 2}
    assert group_mates(split, []) == {}


def test_listed_and_said(tmp_path: Path) -> None:
    image = LeftOutImage("a", "train", "i", "same patient", "b/test/j")
    gone, told = LeftOut((image,)), Told()
    gone.say(told)  # type: ignore[arg-type]
    assert "1 same patient" in told.said[0]
    gone.write(tmp_path)
    assert pq.read_table(tmp_path / LEFT_OUT_FILE).to_pylist() == [vars(image)]
    LeftOut(()).write(tmp_path / "none")
    assert not (tmp_path / "none").exists()
