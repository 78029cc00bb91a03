"""The images that the ISIC archive's API lists: pages of records, a table of them, their files.

API v2: ``images/search/?query=&collections=1,2&limit=`` answers ``{count, next, results}``; a
record has ``isic_id, copyright_license, attribution, files.full.{url, size}`` and
``metadata.{acquisition, clinical}``, whose keys vary. Pages are kept until all images are there,
so that a run that was killed goes on with the next page; after a day they are asked for anew,
since the addresses in them may expire.
"""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlencode, urlsplit

from dermctl.datasets.fetch.asked import Asked, address_fault, is_safe
from dermctl.datasets.fetch.client import make_client
from dermctl.datasets.fetch.failures import Failure
from dermctl.datasets.fetch.many import Manner, fetch_files
from dermctl.datasets.fetch.partial import PARTIAL_FOLDER
from dermctl.datasets.sources.base import ImageSearch
from dermctl.datasets.sources.images import EXTENSIONS
from dermctl.errors import DataError
from dermctl.files import replacing
from dermctl.progress import SILENT, Progress

FIRST_COLUMNS = ("isic_id", "attribution", "copyright_license")
_SECONDS_OF_A_DAY = 86_400

Record = dict[str, Any]


@dataclass(frozen=True)
class Search:
    """What is looked for: the API's query language, and numbers of collections."""

    query: str | None = None
    collections: tuple[int, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Listing:
    """The pages of a search, on disk.

    Args:
        folder: what is filled.
        pages: where the pages lie, below it.
        images: how the source is laid out.
        limit: records that are wanted; None: all.
        failure: why the listing is not complete, or None.
    """

    folder: Path
    pages: str
    images: ImageSearch
    limit: int | None
    failure: Failure | None = None

    def records(self) -> Iterator[Record]:
        """The records, page by page: half a million do not fit into memory at once."""
        pages = sorted((self.folder / self.pages).glob("page-*.json"))
        found = (record for page in pages for record in _read_page(page)["results"])
        return islice(found, self.limit)

    def write_table(self) -> None:
        """Write the records as CSV: fixed columns first, then each key that occurs, sorted."""
        keys = sorted({key for record in self.records() for key in _metadata(record)})
        columns = [*FIRST_COLUMNS, *(key for key in keys if key not in FIRST_COLUMNS)]
        with (
            replacing(self.folder / self.images.table) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(columns)
            for record in self.records():
                row = {**_metadata(record), **{name: record.get(name) for name in FIRST_COLUMNS}}
                writer.writerow([_cell(row.get(column)) for column in columns])

    def files(self) -> tuple[list[Asked], list[Failure]]:
        """The images of the records, and those that cannot be asked for."""
        asked: dict[str, Asked] = {}
        failures: dict[str, Failure] = {}
        for record in self.records():
            full = (record.get("files") or {}).get("full") or {}
            url = str(full.get("url") or "")
            name = f"{record['isic_id']}{_extension(url)}"
            file = f"{self.images.folder}/{name}"
            reason = address_fault(url) if is_safe(name) else "unsafe_name"
            if reason is not None:
                failures.setdefault(file, Failure(url, file, None, 0, reason))
            else:
                size = full.get("size")
                asked.setdefault(file, Asked(url, file, size=size if size else None))
        return list(asked.values()), list(failures.values())


def list_images(
    images: ImageSearch,
    search: Search,
    folder: Path,
    manner: Manner,
    progress: Progress = SILENT,
) -> Listing:
    """Ask for page after page, going on where a run that was killed has stopped.

    Raises:
        DataError: the API does not know the query, or answers what is not understood.
    """
    pages = pages_folder(images, search)
    _forget_old_pages(folder / pages)
    url: str | None = first_page(images, search)
    listed = number = 0
    with (
        make_client(1, manner.browser) as client,
        progress.task("list the images", search.limit, "records") as task,
    ):
        while url is not None and (search.limit is None or listed < search.limit):
            number += 1
            page = Asked(url, f"{pages}/page-{number:06d}.json", kind="json")
            failures = fetch_files([page], folder, manner, earlier={}, client=client).failures
            if failures:
                why = _explained(failures[0], images)
                return Listing(folder, pages, images, search.limit, why)
            answer = _read_page(folder / page.file)
            listed += len(answer["results"])
            url = answer.get("next")
            if isinstance(count := answer.get("count"), int):
                task.update(total=min(count, search.limit or count))
            task.advance(len(answer["results"]))
    return Listing(folder, pages, images, search.limit)


def pages_folder(images: ImageSearch, search: Search) -> str:
    """Where the pages of a search lie, below the folder that is filled: a place for each search."""
    whole = first_page(images, replace(search, limit=None))
    return f"{PARTIAL_FOLDER}/pages-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


def first_page(images: ImageSearch, search: Search) -> str:
    """The address that a search begins at."""
    page = min(images.page, search.limit or images.page)
    parameters: dict[str, str] = {"limit": str(page)}
    if search.query:
        parameters["query"] = search.query
    if search.collections:
        parameters["collections"] = ",".join(map(str, search.collections))
    return f"{images.api}/images/search/?{urlencode(parameters)}"


def _explained(failure: Failure, images: ImageSearch) -> Failure:
    """The failure as one of the table that the pages were to become."""
    if failure.final:
        raise DataError(
            f"the archive does not answer this search ({failure.status or failure.reason})",
            where=failure.url,
            hint="Check --query and --collection",
        )
    return Failure(failure.url, images.table, failure.status, failure.tries, failure.reason)


def _read_page(path: Path) -> dict[str, Any]:
    answer: Any = json.loads(path.read_text(encoding="utf-8"))
    records = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(records, list) or not all(
        isinstance(record, dict) and record.get("isic_id") for record in records
    ):
        path.unlink()
        raise DataError(
            "the archive's answer is not understood: it is no list of records with an isic_id",
            where=path,
            hint="Is DERMCTL_MIRROR right? If it is not set, the API has changed: report it",
        )
    return dict(answer)


def _forget_old_pages(folder: Path) -> None:
    pages = sorted(folder.glob("page-*.json"))
    if pages and time.time() - pages[0].stat().st_mtime > _SECONDS_OF_A_DAY:
        for page in pages:
            page.unlink()


def _metadata(record: Record) -> Record:
    """`metadata.acquisition`, `metadata.clinical` and whatever else it has, in one."""
    sections = (record.get("metadata") or {}).values()
    return {
        key: value
        for section in sections
        if isinstance(section, dict)
        for key, value in section.items()
    }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def _extension(url: str) -> str:
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return suffix if suffix in EXTENSIONS else ".jpg"
