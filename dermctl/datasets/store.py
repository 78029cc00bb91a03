"""The store: packed images in Arrow IPC shards, memory-mapped, read at random without copies.

A shard is one Arrow IPC file with one record batch and the columns ``image_id``, ``image`` (the
encoded JPEG or PNG) and ``sha256`` (of those bytes). Manifests point into it by (shard, row).
Arrow IPC, since random reads from a memory map cost a sixth of those from plain files, while
Parquet row groups must be decompressed whole (format: arrow.apache.org/docs/format/Columnar.html).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa

from dermctl.datasets.held import held_images, in_words
from dermctl.errors import DataError

STORE_FOLDER = "store"
SHARD_IMAGES = 4096
SHARD_BYTES = 128 * 2**20
_FORMAT = {b"dermctl_store": b"1"}
_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("image", pa.large_binary(), nullable=False),
        pa.field("sha256", pa.binary(32), nullable=False),
    ],
    metadata=_FORMAT,
)


def shard_name(shard: int) -> str:
    """File name of shard number ``shard``."""
    return f"shard-{shard:05d}.arrow"


class ShardError(DataError):
    """A shard cannot serve, or an image in it; the images that are lost with it are named.

    Attributes:
        fault: what is wrong, without the images.
    """

    fault = ""


class StoreWriter:
    """Writes images into shards, each under a temporary name until it is whole.

    Use as a context manager; ``add`` returns the place of the image, ``(shard, row)``.
    """

    def __init__(
        self, folder: Path, *, shard_images: int = SHARD_IMAGES, shard_bytes: int = SHARD_BYTES
    ) -> None:
        self.folder = folder
        self._shard_images, self._shard_bytes = shard_images, shard_bytes
        self._shard = 0
        self._ids: list[str] = []
        self._images: list[bytes] = []
        self._bytes = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, image_id: str, image: bytes) -> tuple[int, int]:
        """Append one encoded image; returns its shard and its row there."""
        if self._ids and (
            len(self._ids) >= self._shard_images or self._bytes + len(image) > self._shard_bytes
        ):
            self._flush()
        place = (self._shard, len(self._ids))
        self._ids.append(image_id)
        self._images.append(image)
        self._bytes += len(image)
        return place

    def _flush(self) -> None:
        digests = [hashlib.sha256(image).digest() for image in self._images]
        batch = pa.record_batch([self._ids, self._images, digests], schema=_SCHEMA)
        path = self.folder / shard_name(self._shard)
        temporary = path.with_suffix(".partial")
        try:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, _SCHEMA) as writer:
                writer.write_batch(batch)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            reason = error.strerror or str(error)
            raise DataError(
                f"a shard of the store cannot be written ({reason})",
                where=path,
                hint="Free some space and run the same command again: what was there stays",
            ) from error
        temporary.replace(path)
        self._ids, self._images, self._bytes = [], [], 0
        self._shard += 1

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if kind is None and self._ids:
            self._flush()


@dataclass(frozen=True)
class _Shard:
    data: memoryview
    offsets: np.ndarray
    batch: pa.RecordBatch = field(repr=False)


class Store:
    """Random access to the packed images of one dataset.

    Opens shards on first use; a pickled store (a DataLoader worker's) reopens them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._shards: dict[int, _Shard] = {}

    def read(self, shard: int, row: int) -> memoryview:
        """The encoded bytes of one image, without a copy.

        Raises:
            ShardError: the shard cannot be read, or has no such row.
        """
        opened = self._shards.get(shard) or self._open(shard)
        if not 0 <= row < len(opened.batch):
            fault = f"row {row} lies outside the shard, which holds {len(opened.batch):,} images"
            raise self.error(fault, shard, row)
        return opened.data[opened.offsets[row] : opened.offsets[row + 1]]

    def length(self, shard: int) -> int:
        """How many images a shard holds.

        Raises:
            ShardError: it is missing, damaged or no shard of a store.
        """
        return len(self.id_column(shard))

    def id_column(self, shard: int) -> pa.StringArray:
        """The ids of the images in one shard, in order of their rows, as they lie in the file.

        Raises:
            ShardError: it is missing, damaged or no shard of a store.
        """
        opened = self._shards.get(shard) or self._open(shard)
        return opened.batch.column("image_id")

    def shards(self) -> list[int]:
        """Numbers of the shards that are there."""
        return sorted(int(path.stem.split("-")[1]) for path in self.folder.glob("shard-*.arrow"))

    def ids(self, shard: int) -> list[str]:
        """The ids of the images in one shard, in order of their rows."""
        names: list[str] = self.id_column(shard).to_pylist()
        return names

    def image_id(self, shard: int, row: int) -> str:
        """The id of one image."""
        name: str = self.id_column(shard)[row].as_py()
        return name

    def faults(self, shard: int) -> Iterator[tuple[str, str]]:
        """Images of one shard whose bytes do not have their recorded SHA-256: (image_id, fault)."""
        opened = self._shards.get(shard) or self._open(shard)
        ids = opened.batch.column("image_id").to_pylist()
        digests = opened.batch.column("sha256").to_pylist()
        for row, (image_id, digest) in enumerate(zip(ids, digests, strict=True)):
            if hashlib.sha256(self.read(shard, row)).digest() != digest:
                yield image_id, f"bytes differ from their SHA-256 in {shard_name(shard)} row {row}"

    def place(self, shard: int, row: int) -> str:
        """Where an image lies, for people."""
        return f"{self.folder / shard_name(shard)}, row {row} ({self.image_id(shard, row)})"

    @property
    def mending(self) -> str:
        """What to type where an image of the store cannot be read."""
        name = self.folder.parent.name
        return (
            f"See what else is damaged with: dermctl data check {name}; then pack it anew with: "
            f"dermctl data prepare … --name {name}"
        )

    def error(self, fault: str, shard: int, row: int | None = None) -> ShardError:
        """What is wrong with a shard, or with one row of it, and the images lost with it."""
        held = held_images(self.folder.parent, shard, row)
        error = ShardError(
            f"{fault}; the manifests look there for {in_words(held)}" if held else fault,
            where=self.folder / shard_name(shard),
            hint=self.mending,
        )
        error.fault = fault
        return error

    def _open(self, shard: int) -> _Shard:
        path = self.folder / shard_name(shard)
        if shard < 0:
            raise self.error(f"the manifest points outside the store, at shard {shard}", shard)
        if not path.is_file():
            raise self.error("a shard of the store is missing", shard)
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            if not reader.schema.equals(_SCHEMA, check_metadata=True):
                raise self.error("this Arrow file is no shard of a dermctl store", shard)
            if reader.num_record_batches != 1:
                raise self.error("a shard must hold one record batch", shard)
            batch = reader.get_batch(0)
            batch.validate(full=True)
            _, offsets, data = batch.column("image").buffers()
            starts = np.frombuffer(offsets, np.int64)[: len(batch) + 1]
        except PermissionError as error:
            raise self.error("a shard of the store may not be read", shard) from error
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self.error(f"a shard is damaged ({error})", shard) from error
        # Arrow's own view is of signed bytes: equal to no `bytes`, and no JPEG to simplejpeg.
        opened = _Shard(memoryview(data).cast("B"), starts, batch)
        self._shards[shard] = opened
        return opened

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_shards": {}}
