"""What can go wrong with a download, and the list of what did: ``failures.parquet``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq

from dermctl.datasets.manifest import write_parquet
from dermctl.errors import DataError

FAILURES_FILE = "failures.parquet"

SCHEMA = pa.schema(
    [
        pa.field("url", pa.string()),
        pa.field("file", pa.string(), nullable=False),  # below the folder, with "/"
        pa.field("status", pa.int32()),  # HTTP status of the last answer; null: there was none
        pa.field("tries", pa.int32(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("final", pa.bool_(), nullable=False),  # asked again only with --retry-failed
    ]
)


@dataclass(frozen=True)
class Reason:
    """One way to fail.

    Args:
        code: as it stands in ``failures.parquet``.
        explanation: one line for people.
        tries: how often a file is asked for before this stands.
        final: whether asking again on another day is of no use.
    """

    code: str
    explanation: str
    tries: int
    final: bool


_TABLE = (
    Reason("no_url", "the row gives no address", 0, True),
    Reason("bad_url", "the address is none", 0, True),
    Reason("unsafe_name", "the name would leave the folder, or is no file name", 0, True),
    Reason("not_found", "the host does not have it (404)", 1, True),
    Reason("gone", "the host has it no longer (410)", 1, True),
    Reason("refused", "the host refuses it (another 4xx)", 1, True),
    Reason("bad_certificate", "the host cannot prove who it is (TLS)", 1, True),
    Reason("too_many_redirects", "the host sends on and on", 1, True),
    Reason("not_an_image", "what came is no picture, most often a web page", 1, True),
    Reason("half_an_image", "the host has no more than the beginning of the picture", 3, True),
    Reason("host_given_up", "its host answered nothing but final errors", 0, True),
    Reason("unsafe_archive", "the archive holds a link or a path that leaves the folder", 1, True),
    Reason("too_large", "the archive unpacks to more than its size can explain", 1, True),
    Reason("damaged_member", "the archive is damaged at this file", 1, True),
    Reason("not_an_archive", "what came is no zip archive, most often a web page", 2, False),
    Reason("not_a_table", "what came is no table, most often a web page", 2, False),
    Reason("web_page", "what came is a web page", 2, False),
    Reason("too_many_requests", "the host wants to be asked later (429)", 6, False),
    Reason("server_error", "the host is in trouble (5xx)", 6, False),
    Reason("unreachable", "no connection to the host", 3, False),
    Reason("timeout", "the host did not answer in time", 3, False),
    Reason("broken_off", "the connection broke", 6, False),
    Reason("truncated", "fewer bytes came than were announced", 6, False),
    Reason("wrong_size", "the size is not the published one", 4, False),
    Reason("wrong_checksum", "the checksum is not the published one", 4, False),
    Reason("host_silent", "its host did not answer at all", 0, False),
)

REASONS: Mapping[str, Reason] = MappingProxyType({reason.code: reason for reason in _TABLE})
"""Every way to fail, by its code."""


@dataclass(frozen=True)
class Failure:
    """One file that is not there. Fields: see `SCHEMA`."""

    url: str
    file: str
    status: int | None
    tries: int
    reason: str

    @property
    def final(self) -> bool:
        """Whether it is left out unless asked for with --retry-failed."""
        return REASONS[self.reason].final


def write_failures(path: Path, failures: Iterable[Failure]) -> None:
    """Write the list, also when it is empty: that too is an answer."""
    rows = [{**asdict(failure), "final": failure.final} for failure in failures]
    write_parquet(path, pa.Table.from_pylist(rows, schema=SCHEMA))


def read_failures(path: Path) -> list[Failure]:
    """The list of an earlier run; empty where there is none.

    Raises:
        DataError: the file is damaged or is another's.
    """
    if not path.is_file():
        return []
    try:
        rows = pq.read_table(path, schema=SCHEMA).to_pylist()
        return [
            Failure(row["url"] or "", row["file"], row["status"], row["tries"], row["reason"])
            for row in rows
            if row["reason"] in REASONS
        ]
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise DataError(
            f"cannot be read ({error})", where=path, hint="Remove it: the files are asked for again"
        ) from error


class Journal:
    """Final failures as they happen, a line each, so that a killed run does not forget them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Failure]:
        """What a run that did not end wrote down; a line that was cut short is passed over."""
        if not self.path.is_file():
            return []
        found = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                found.append(Failure(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return [failure for failure in found if failure.reason in REASONS]

    def add(self, failure: Failure) -> None:
        """Append one failure."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            # A line feed in front too: what a killed run left half written ends there.
            file.write(f"\n{json.dumps(asdict(failure))}\n")
