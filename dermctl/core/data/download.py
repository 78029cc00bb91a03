"""``data download``: a source's raw files, whole, or listed with the reason why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dermctl.core.data.filling import Filling
from dermctl.core.data.loss import Loss, loss_of
from dermctl.core.data.selection import Selection, table_of
from dermctl.datasets.fetch.many import WORKERS, Manner
from dermctl.datasets.fetch.partial import LOCK_FILE, PARTIAL_FOLDER
from dermctl.datasets.sources.base import (
    Download,
    ImageAddresses,
    ImageSearch,
    ReadOptions,
    Source,
)
from dermctl.datasets.sources.registry import get_source
from dermctl.errors import DataError, UsageFault
from dermctl.lock import only_one
from dermctl.progress import SILENT, Progress
from dermctl.workspace import Workspace


@dataclass(frozen=True)
class DownloadRequest:
    """What to download and how; the defaults are the command line's."""

    source: str
    to: Path | None = None
    edition: str | None = None
    collections: tuple[int, ...] = ()
    query: str | None = None
    limit: int | None = None
    csv: Path | None = None
    workers: int = WORKERS
    retry_failed: bool = False

    @property
    def selection(self) -> Selection:
        """Which part of the source it is about."""
        return Selection(self.source, self.edition, self.collections, self.query, self.limit)


@dataclass(frozen=True)
class Downloaded:
    """What came of it.

    Args:
        source: its name.
        folder: the raw folder.
        files: files of the source that are there now.
        fetched: files that came in this run.
        bytes: bytes that came in this run.
        failures: reason → files that are not there, the most frequent first.
        final: how many of those are asked for again only with --retry-failed.
        loss: what that costs; None where nothing is missing, or the table itself is.
        asked_ids: ids of the images that were asked for; None: all that the table has.
    """

    source: str
    folder: Path
    files: int
    fetched: int
    bytes: int
    failures: Mapping[str, int]
    final: int
    loss: Loss | None
    asked_ids: frozenset[str] | None = field(default=None, repr=False)

    @property
    def missing(self) -> int:
        """Files that are not there."""
        return sum(self.failures.values())

    @property
    def passing(self) -> int:
        """Missing files that the next run asks for again."""
        return self.missing - self.final

    def to_json(self) -> dict[str, Any]:
        """Plain values, as ``--json`` prints them."""
        return {
            "source": self.source,
            "folder": str(self.folder),
            "files": self.files,
            "fetched": self.fetched,
            "bytes": self.bytes,
            "missing": self.missing,
            "failures": dict(self.failures),
            "final": self.final,
            "passing": self.passing,
            "loss": None if self.loss is None else self.loss.to_json(),
        }


def download(
    workspace: Workspace, request: DownloadRequest, progress: Progress = SILENT
) -> Downloaded:
    """Get what is missing of a source and has not failed for good.

    Raises:
        DataError: the source may not be downloaded by a program, or the folder holds another
            part of it.
        UsageFault: for a flag that the source has no use for.
    """
    source = get_source(request.source)
    _refuse_where_not_allowed(source)
    request.selection.check(source)
    if request.csv is not None and (table_of(source) is None or request.edition is not None):
        hint = "Leave it out: it is for fitzpatrick"
        raise UsageFault("no table of addresses is read here", where="--csv", hint=hint)
    folder = request.to if request.to is not None else workspace.raw / source.name
    request.selection.check_folder(folder)
    manner = Manner(workers=request.workers, retry_failed=request.retry_failed)
    busy = "another download into this folder is under way"
    hint = "Wait for its end, or name another folder with --to DIR"
    with only_one(folder / PARTIAL_FOLDER / LOCK_FILE, busy, hint):
        filling = Filling(folder, manner, progress)
        _fill(filling, source, request)
        filling.write_down()
    return Downloaded(
        source=source.name,
        folder=folder,
        files=filling.files,
        fetched=filling.fetched,
        bytes=filling.bytes,
        failures=dict(Counter(failure.reason for failure in filling.failures).most_common()),
        final=sum(failure.final for failure in filling.failures),
        loss=_loss(source, folder, request.csv, filling),
        asked_ids=filling.asked_ids,
    )


def _refuse_where_not_allowed(source: Source) -> None:
    if source.access == "own":
        raise UsageFault(f"'{source.name}' stands for your own images", hint=source.how_to_get)
    if source.access == "terms":
        raise DataError(
            f"{source.title} is not downloaded: its terms want a person to sign for it",
            where=source.homepage,
            hint=f"{source.how_to_get}. This layout is then read: {source.layout}",
        )


def _fill(filling: Filling, source: Source, request: DownloadRequest) -> None:
    images = source.images if request.edition is None else None
    if isinstance(images, ImageSearch):
        filling.get_searched(images, request.selection)
        return
    request.selection.record(filling.folder)
    filling.get_published(_downloads(source, request))
    if isinstance(images, ImageAddresses):
        if request.csv is not None:
            filling.place_table(request.csv, images.table)
        table = request.csv or filling.folder / images.table
        if table.is_file():  # else the failures say why it is not there
            filling.get_addressed(images, table, source.name, request.limit)


def _downloads(source: Source, request: DownloadRequest) -> tuple[Download, ...]:
    if request.edition is not None:
        return source.editions[request.edition]
    table = table_of(source) if request.csv is not None else None
    return tuple(file for file in source.downloads if file.filename != table)


def _loss(source: Source, folder: Path, csv: Path | None, filling: Filling) -> Loss | None:
    if not filling.failures:
        return None
    try:
        table = source.read(folder, ReadOptions(csv=csv)).table
    except DataError:  # what was to be counted is itself among what is missing
        return None
    return loss_of(table, filling.asked_ids)
