"""What came out of which archive: ``unpacked.parquet``. The archives themselves are not kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.datasets.fetch.archives import Member
from dermctl.datasets.manifest import write_parquet
from dermctl.errors import DataError

UNPACKED_FILE = "unpacked.parquet"

SCHEMA = pa.schema(
    [
        pa.field("archive", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),  # below the folder, with "/"
        pa.field("size", pa.int64(), nullable=False),  # bytes
        pa.field("crc32", pa.uint32(), nullable=False),
    ]
)


def read_unpacked(folder: Path) -> dict[str, list[Member]]:
    """Archive name → the files that came out of it.

    Raises:
        DataError: the record is damaged.
    """
    path = folder / UNPACKED_FILE
    if not path.is_file():
        return {}
    try:
        rows = pq.read_table(path, schema=SCHEMA).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"cannot be read ({error})",
            where=path,
            hint="Remove it: the archives are fetched again",
        ) from error
    found: dict[str, list[Member]] = {}
    for row in rows:
        found.setdefault(row["archive"], []).append(Member(row["file"], row["size"], row["crc32"]))
    return found


def record_unpacked(folder: Path, archive: str, members: Iterable[Member]) -> None:
    """Add an archive to the record, or replace what it says of it."""
    known = {**read_unpacked(folder), archive: list(members)}
    rows = [
        {"archive": name, "file": member.file, "size": member.size, "crc32": member.crc32}
        for name in sorted(known)
        for member in known[name]
    ]
    write_parquet(folder / UNPACKED_FILE, pa.Table.from_pylist(rows, schema=SCHEMA))


def is_whole(folder: Path, members: Iterable[Member]) -> bool:
    """Whether every file is still there, by its size."""
    for member in members:
        try:
            if (folder / member.file).stat().st_size != member.size:
                return False
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True
