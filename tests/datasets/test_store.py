"""The store gives back the bytes that were put in, or says which shard is wrong."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermctl.datasets.store import Store, StoreWriter, shard_name
from dermctl.errors import DataError
from tests.conftest import ROOT

IMAGES = [bytes([number]) * (100 + number) for number in range(20)]


def written(folder: Path, images: list[bytes] = IMAGES, **limits: int) -> list[tuple[int, int]]:
    with StoreWriter(folder, **limits) as writer:
        return [writer.add(f"id-{number}", image) for number, image in enumerate(images)]


@given(
    images=st.lists(st.binary(max_size=60), min_size=1, max_size=20),
    shard_images=st.integers(1, 7),
    shard_bytes=st.integers(1, 200),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_every_image_comes_back_byte_for_byte_in_any_order(
    tmp_path_factory: pytest.TempPathFactory,
    images: list[bytes],
    shard_images: int,
    shard_bytes: int,
    seed: int,
) -> None:
    folder = tmp_path_factory.mktemp("store")
    places = written(folder, images, shard_images=shard_images, shard_bytes=shard_bytes)
    assert len(set(places)) == len(images)
    store = Store(folder)
    for number in np.random.default_rng(seed).permutation(len(images)):
        assert bytes(store.read(*places[number])) == images[number]
    for shard in store.shards():
        rows = [row for own, row in places if own == shard]
        assert rows == list(range(len(rows)))
        assert len(rows) <= shard_images
        size = sum(len(i) for i, (own, _) in zip(images, places, strict=True) if own == shard)
        assert size <= shard_bytes or len(rows) == 1
        assert list(store.faults(shard)) == []


def test_shards_are_plain_arrow_files(tmp_path: Path) -> None:
    written(tmp_path, shard_images=8)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [shard_name(n) for n in range(3)]
    with pa.ipc.open_file(tmp_path / shard_name(1)) as reader:
        table = reader.read_all()
    assert table.column("image").to_pylist() == IMAGES[8:16]
    assert table.column("image_id").to_pylist() == [f"id-{n}" for n in range(8, 16)]
    assert table.column("sha256").to_pylist() == [hashlib.sha256(i).digest() for i in IMAGES[8:16]]


def test_numpy_numbers_are_places_too(tmp_path: Path) -> None:
    written(tmp_path, shard_images=8)
    assert bytes(Store(tmp_path).read(np.int64(2), np.int32(1))) == IMAGES[17]  # type: ignore[arg-type]


def test_reading_makes_no_copy(tmp_path: Path) -> None:
    written(tmp_path)
    view = Store(tmp_path).read(0, 3)
    assert isinstance(view, memoryview)
    assert view == IMAGES[3], "signed bytes would equal no bytes, and no reader of JPEG takes them"
    assert view.readonly


def _read_in_worker(store: Store) -> list[bytes]:
    return [bytes(store.read(0, row)) for row in (5, 1)]


def test_an_open_store_goes_into_a_worker_process(tmp_path: Path) -> None:
    written(tmp_path)
    store = Store(tmp_path)
    store.read(0, 0)
    assert len(pickle.dumps(store)) < 1_000, "the images must not travel"
    with get_context("spawn").Pool(1) as pool:
        assert pool.apply(_read_in_worker, (store,)) == [IMAGES[5], IMAGES[1]]


def test_a_failed_writer_leaves_no_half_shard(tmp_path: Path) -> None:
    def fail() -> None:
        with StoreWriter(tmp_path, shard_images=4) as writer:
            for number in range(6):
                writer.add(f"id-{number}", b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert Store(tmp_path).shards() == [0]
    assert list(Store(tmp_path).faults(0)) == []


_KILLED = """
import os, pathlib, signal, sys
import pyarrow as pa
from dermctl.datasets.store import StoreWriter
write = pa.RecordBatchFileWriter.write_batch
def killed(self, batch):
    write(self, batch)
    os.kill(os.getpid(), signal.SIGKILL)
pa.RecordBatchFileWriter.write_batch = killed
with StoreWriter(pathlib.Path(sys.argv[1])) as writer:
    writer.add("a", b"x" * 10_000_000)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes cannot be killed here")
def test_a_killed_writer_leaves_no_half_shard(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path)], cwd=ROOT, env=os.environ, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"], "killed half-way"
    assert Store(tmp_path).shards() == []


def error_of(folder: Path, shard: int = 0, row: int = 0) -> DataError:
    with pytest.raises(DataError) as caught:
        Store(folder).read(shard, row)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    error = error_of(tmp_path, shard=7)
    assert "missing" in error.what
    assert error.where == str(tmp_path / "shard-00007.arrow")


@pytest.mark.parametrize("row", [-1, 20, 10**9])
def test_a_row_outside_its_shard(tmp_path: Path, row: int) -> None:
    written(tmp_path)
    error = error_of(tmp_path, row=row)
    assert f"row {row} lies outside" in error.what
    assert "20 images" in error.what


@pytest.mark.parametrize("kept", [0, 5, 500, -1])
def test_a_shard_that_was_cut_short(tmp_path: Path, kept: int) -> None:
    written(tmp_path)
    shard = tmp_path / shard_name(0)
    shard.write_bytes(shard.read_bytes()[:kept])
    error = error_of(tmp_path)
    assert "damaged" in error.what
    assert error.where == str(shard)


@pytest.mark.parametrize("metadata", [None, {b"dermctl_store": b"2"}])
def test_a_foreign_arrow_file(tmp_path: Path, metadata: dict[bytes, bytes] | None) -> None:
    schema = pa.schema([pa.field("x", pa.int64())], metadata=metadata)
    with pa.OSFile(str(tmp_path / shard_name(0)), "wb") as sink, pa.ipc.new_file(sink, schema) as w:
        w.write_batch(pa.record_batch([[1]], schema=schema))
    assert "no shard of a dermctl store" in error_of(tmp_path).what


def test_a_shard_without_the_columns(tmp_path: Path) -> None:
    schema = pa.schema([pa.field("x", pa.int64())], metadata={b"dermctl_store": b"1"})
    with pa.OSFile(str(tmp_path / shard_name(0)), "wb") as sink, pa.ipc.new_file(sink, schema) as w:
        w.write_batch(pa.record_batch([[1]], schema=schema))
    assert error_of(tmp_path).where == str(tmp_path / shard_name(0))


def test_a_foreign_file(tmp_path: Path) -> None:
    (tmp_path / shard_name(0)).write_text("<html>not found</html>" * 100)
    assert "damaged" in error_of(tmp_path).what


def test_changed_bytes_are_found_by_their_hash(tmp_path: Path) -> None:
    written(tmp_path)
    shard = tmp_path / shard_name(0)
    data = bytearray(shard.read_bytes())
    at = data.find(IMAGES[4]) + 50
    data[at] ^= 1
    shard.write_bytes(data)
    ((image_id, fault),) = Store(tmp_path).faults(0)
    assert image_id == "id-4"
    assert "SHA-256" in fault
    assert "row 4" in fault


def test_a_length_is_known_without_reading_images(tmp_path: Path) -> None:
    written(tmp_path, shard_images=8)
    assert [Store(tmp_path).length(shard) for shard in range(3)] == [8, 8, 4]


_FULL = """
import pathlib, resource, sys
from dermctl.datasets.store import StoreWriter
from dermctl.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    with StoreWriter(pathlib.Path(sys.argv[1]), shard_images=1) as writer:
        writer.add("small", b"x" * 1_000)
        writer.add("large", b"x" * 2_000_000)
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes here")
def test_where_nothing_more_can_be_written_no_half_shard_stays(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FULL, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert "cannot be written (" in line
    assert str(tmp_path / shard_name(1)) in line
    assert [path.name for path in tmp_path.iterdir()] == [shard_name(0)]
