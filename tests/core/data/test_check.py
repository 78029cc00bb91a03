"""`data check`: whatever is damaged is named, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.core.data import prepare as module
from dermctl.core.data.check import CheckFault, check
from dermctl.core.data.prepare import prepare
from dermctl.datasets.manifest import SPLITS
from dermctl.datasets.near_duplicates.table import (
    NEAR_DUPLICATES_FILE,
    Link,
    NearDuplicates,
    write_near_duplicates,
)
from dermctl.datasets.remembered import HISTORY_FILE
from dermctl.datasets.store import STORE_FOLDER, StoreWriter, shard_name
from dermctl.errors import DataError
from dermctl.workspace import Workspace
from tests.core.data.clinic import add_defects, column, make_clinic, tables

SHARD = f"{STORE_FOLDER}/{shard_name(1)}"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """With the made clinic prepared, its images in shards of twelve."""
    monkeypatch.setattr(module, "write_dataset_report", lambda path, *_: path.write_text(""))
    small = partial(StoreWriter, shard_images=12)
    monkeypatch.setattr("dermctl.datasets.packer.StoreWriter", small)
    clinic = make_clinic(tmp_path)
    add_defects(clinic)
    workspace = Workspace(tmp_path / "workspace")
    prepare(workspace, clinic.request())
    return workspace


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    return workspace.data / "clinic"


def faults(workspace: Workspace) -> tuple[CheckFault, ...]:
    return check(workspace, "clinic").faults


def in_shard(folder: Path, shard: int) -> list[str]:
    """Ids of the images that the manifests look for in one shard, by row."""
    found = tables(folder)
    rows = zip(*(column(found, name) for name in ("shard", "row", "image_id")), strict=True)
    return [name for own, _, name in sorted(rows) if own == shard]


def rewrite(folder: Path, split: str, change: Callable[[list[dict]], list[dict]]) -> None:
    """Change the rows of a manifest, as a careless program might."""
    path = folder / f"{split}.parquet"
    table = pq.read_table(path)
    rows = change(table.to_pylist())
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def test_a_sound_dataset_has_no_faults(workspace, folder):
    checked = check(workspace, "clinic")
    assert checked.faults == ()
    assert checked.images == len(column(tables(folder), "image_id"))
    assert checked.shards == 3


def test_one_flipped_bit_names_the_shard_and_the_image(workspace, folder):
    path = folder / SHARD
    data = bytearray(path.read_bytes())
    place = data.index(b"\xff\xd8\xff", data.index(b"\xff\xd8\xff") + 3)  # the second picture
    data[place + 200] ^= 1
    path.write_bytes(data)
    (fault,) = faults(workspace)
    assert fault.file == SHARD
    assert fault.images == (in_shard(folder, 1)[1],)
    assert "SHA-256" in fault.what


@pytest.mark.parametrize("file", [HISTORY_FILE, NEAR_DUPLICATES_FILE])
@pytest.mark.parametrize("what", ["missing", "cut"])
def test_a_lost_table_beside_the_manifests_is_named(workspace, folder, file, what):
    path = folder / file
    data = path.read_bytes()
    path.unlink()
    if what == "cut":
        path.write_bytes(data[:-20])
    (fault,) = faults(workspace)
    assert fault.file == file


def test_a_near_duplicate_pair_in_two_splits_is_named(workspace, folder):
    found = tables(folder)
    pair = tuple(found[split]["image_id"][0].as_py() for split in ("train", "test"))
    write_near_duplicates(
        folder, NearDuplicates((Link(*pair, "copy"), Link("gone", pair[0], "copy")))
    )
    (fault,) = faults(workspace)
    assert (fault.file, fault.images) == (NEAR_DUPLICATES_FILE, pair)


@pytest.mark.parametrize("what", ["missing", "cut", "other"])
def test_a_lost_shard_names_all_that_lay_in_it(workspace, folder, what):
    path = folder / SHARD
    if what == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-3000] if what == "cut" else b"hello")
    (fault,) = faults(workspace)
    assert fault.file == SHARD
    assert sorted(fault.images) == sorted(in_shard(folder, 1))
    assert len(fault.images) == 12


def test_shards_in_each_others_place(workspace, folder):
    one, two = (folder / STORE_FOLDER / shard_name(n) for n in (0, 1))
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)
    found = faults(workspace)
    assert {fault.file for fault in found} == {f"{STORE_FOLDER}/{shard_name(n)}" for n in (0, 1)}
    assert all("another image" in fault.what for fault in found)
    assert sum(len(fault.images) for fault in found) == 24


def test_rows_outside_and_images_that_nobody_names(workspace, folder):
    def beyond(rows):
        return [{**rows[0], "row": 99}, *rows[1:]]

    first = pq.read_table(folder / "train.parquet").to_pylist()[0]
    rewrite(folder, "train", beyond)
    found = {fault.what.split(":")[-1].strip(): fault.images for fault in faults(workspace)}
    assert found == {
        "these rows lie outside": (first["image_id"],),
        "images that no manifest names": (first["image_id"],),
    }


def test_a_group_in_two_splits(workspace, folder):
    moved = pq.read_table(folder / "test.parquet").to_pylist()[0]
    rewrite(folder, "test", lambda rows: rows[1:])
    rewrite(folder, "train", lambda rows: [*rows, moved])
    found = faults(workspace)
    divided = [fault for fault in found if "divided" in fault.what]
    assert len(divided) == 1
    assert moved["image_id"] in divided[0].images
    assert divided[0].file == "test.parquet, train.parquet"
    assert {fault.file for fault in found} - {divided[0].file} == {"test.parquet", "train.parquet"}


def test_an_image_twice(workspace, folder):
    rewrite(folder, "val", lambda rows: [*rows, rows[0]])
    assert {fault.what for fault in faults(workspace)} >= {
        "occurs more than once",
        "share one place",
    }


@pytest.mark.parametrize("name", [*SPLITS, "rejected"])
def test_a_damaged_table_is_named(workspace, folder, name):
    path = folder / f"{name}.parquet"
    data = bytearray(path.read_bytes())
    data[40] ^= 0xFF  # in the first page
    path.write_bytes(data)
    found = faults(workspace)
    assert f"{name}.parquet" in {fault.file for fault in found if "damaged" in fault.what}
    path.unlink()
    assert f"{name}.parquet" in {fault.file for fault in faults(workspace)}


def test_rows_in_must_be_kept_and_rejected(workspace, folder):
    path = folder / "dataset.json"
    document = json.loads(path.read_text())
    document["rows"] += 1
    document["rejected"]["not_rgb"] += 1
    path.write_text(json.dumps(document))
    found = faults(workspace)
    assert [fault.file for fault in found] == ["rejected.parquet"]  # the sum is right, the list not
    document["rows"] += 1
    path.write_text(json.dumps(document))
    assert {fault.file for fault in faults(workspace)} == {"dataset.json", "rejected.parquet"}
    path.write_text("{")
    assert {fault.file for fault in faults(workspace)} == {"dataset.json"}


def test_a_dataset_that_is_not_there(workspace):
    with pytest.raises(DataError, match="prepared: clinic"):
        check(workspace, "isic")


def test_the_command(workspace, folder):
    words = ["data", "check", "clinic", "--workspace", str(workspace.root)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "all of it is as it was prepared" in result.stdout
    (folder / SHARD).unlink()
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 1
    (fault,) = json.loads(result.stdout)["faults"]
    assert fault["file"] == SHARD
    assert len(fault["images"]) == 12
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert "and 2 more" in result.stdout
    assert result.stderr.count("error: ") == 1
