"""A store that is lost, foreign or cannot be written: one clear line, and what was there stays."""

from __future__ import annotations

import errno
import hashlib
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from dermctl.cli.main import app
from dermctl.datasets.store import Store, shard_name
from tests.made import class_folders

PNG, JPEG = b"\x89PNG", b"\xff\xd8"


def dermctl(workspace: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--workspace", str(workspace), *words])


def prepared(folder: Path, *words: str) -> Result:
    raw = folder / "raw"
    if not raw.exists():
        class_folders(raw, {"melanoma": 8, "nevus": 8})
    return dermctl(
        folder, "data", "prepare", "folder", "--raw", str(raw), "--name", "own", "--size", "32",
        "--workers", "1", "--no-near-duplicates", *words,
    )  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a prepared dataset, `own`; tests work on copies."""
    folder = tmp_path_factory.mktemp("workspace")
    assert prepared(folder).exit_code == 0
    return folder


@pytest.fixture
def workspace(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "workspace"))


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_lossless_packs_png(workspace: Path) -> None:
    folder = workspace / "data" / "own"
    assert bytes(Store(folder / "store").read(0, 0)).startswith(JPEG)
    assert prepared(workspace, "--lossless").exit_code == 0
    assert bytes(Store(folder / "store").read(0, 0)).startswith(PNG)
    assert dermctl(workspace, "data", "check", "own").exit_code == 0


def pretrain_fault(workspace: Path) -> str:
    done = dermctl(
        workspace, "pretrain", "--data", "own", "--accelerator", "cpu", "--image-size", "32",
        "--batch-size", "4", "--encoder", "vit_tiny_patch16_224", "--epochs", "1",
    )  # fmt: skip
    assert done.exit_code == 1
    line = done.stderr.strip().splitlines()[-1]
    assert "unforeseen" not in line
    assert not (workspace / "runs").exists(), "it is said before a run begins"
    return line


@pytest.mark.parametrize("content", [None, b"ARROW1\0\0half a shard", b"<html>not found</html>"])
def test_a_lost_or_foreign_shard(workspace: Path, content: bytes | None) -> None:
    shard = workspace / "data" / "own" / "store" / shard_name(0)
    shard.unlink() if content is None else shard.write_bytes(content)
    line = pretrain_fault(workspace)
    assert str(shard) in line
    assert ("missing" if content is None else "damaged") in line
    assert "dermctl data check own" in line


def test_another_arrow_file(workspace: Path) -> None:
    shard = workspace / "data" / "own" / "store" / shard_name(0)
    table = pa.table({"x": [1, 2]})
    with pa.OSFile(str(shard), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    line = pretrain_fault(workspace)
    assert "no shard of a dermctl store" in line
    assert str(shard) in line


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("shard", -1, "the manifest points outside the store, at shard -1"),
        ("shard", 7, shard_name(7)),
        ("row", 10**6, "row 1000000"),
    ],
)
def test_a_manifest_that_points_outside(
    workspace: Path, column: str, value: int, said: str
) -> None:
    path = workspace / "data" / "own" / "train.parquet"
    table = pq.read_table(path)
    place = table.column_names.index(column)
    values = [value, *table.column(column).to_pylist()[1:]]
    changed = pa.array(values, table.schema.field(column).type)
    pq.write_table(table.set_column(place, table.schema.field(column), changed), path)
    assert said in pretrain_fault(workspace)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_leaves_the_dataset_as_it_was(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    before = contents(workspace / "data" / "own")

    def full(*_: object, **__: object) -> None:
        raise OSError(code, "No space left on device")

    monkeypatch.setattr(pa.ipc, "new_file", full)
    done = prepared(workspace, "--size", "24")
    assert done.exit_code == 1
    line = done.stderr.strip().splitlines()[-1]
    assert "cannot be written (No space left on device)" in line
    assert "what was there stays" in line
    assert contents(workspace / "data" / "own") == before
    assert [path.name for path in (workspace / "data").iterdir() if path.is_dir()] == ["own"]
