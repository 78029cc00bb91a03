"""A raw folder while it is filled: what came, what did not, and what is known from before."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from dermctl.core.data.selection import Selection, read_selection
from dermctl.datasets.fetch.addresses import images_by_address
from dermctl.datasets.fetch.asked import Asked
from dermctl.datasets.fetch.failures import (
    FAILURES_FILE,
    Failure,
    Journal,
    read_failures,
    write_failures,
)
from dermctl.datasets.fetch.many import JOURNAL, Fetched, Manner, fetch_files
from dermctl.datasets.fetch.partial import PARTIAL_FOLDER, tidy
from dermctl.datasets.fetch.published import fetch_published
from dermctl.datasets.fetch.search import Listing, Search, list_images, pages_folder
from dermctl.datasets.sources.base import Download, ImageAddresses, ImageSearch
from dermctl.datasets.sources.csvfile import read_csv
from dermctl.files import replacing
from dermctl.progress import Progress


class Filling:
    """Fills one raw folder, step by step; `write_down` ends it.

    Args:
        folder: the raw folder.
        manner: how to fetch.
        progress: where it is reported.
    """

    def __init__(self, folder: Path, manner: Manner, progress: Progress) -> None:
        self.folder, self.manner, self.progress = folder, manner, progress
        self.files = self.fetched = self.bytes = 0
        self.failures: list[Failure] = []
        self.asked_ids: frozenset[str] | None = None
        self._earlier = _failed_earlier(folder)
        self._keep: list[str] = []

    def get_published(self, downloads: Sequence[Download]) -> None:
        """Get the files that the publisher offers, and unpack them."""
        published = fetch_published(
            downloads, self.folder, self.manner, earlier=self._earlier, progress=self.progress
        )
        self._count(published.files, published.fetched, published.failures)

    def get_addressed(
        self, images: ImageAddresses, table: Path, source: str, limit: int | None
    ) -> None:
        """Get the images that a table gives the addresses of."""
        found = images_by_address(table, images, source, limit)
        self.asked_ids = found.ids if limit is not None else None
        self.failures += found.unusable
        manner = replace(self.manner, per_host=images.per_host, browser=True)
        self._get_images(found.asked, manner, source)

    def get_searched(self, images: ImageSearch, selection: Selection) -> None:
        """Get the images that a search finds, and make the table of them."""
        if not self.manner.retry_failed and self._has_all(images, selection):
            return
        if selection.search == Search():
            self.progress.say(
                "all of the archive, image by image; its bulk snapshot: --edition snapshot; "
                "a part of it: --collection, --query or --limit"
            )
        listing = list_images(images, selection.search, self.folder, self.manner, self.progress)
        selection.record(self.folder)
        self._keep.append(Path(pages_folder(images, selection.search)).name)
        if listing.failure is not None:
            self.failures.append(listing.failure)
            return
        self._get_listed(listing, selection.source)

    def place_table(self, given: Path, name: str) -> None:
        """Put the user's table beside the images, so that they can be read without naming it."""
        place = self.folder / name
        if not place.is_file():
            with replacing(place) as temporary:
                shutil.copyfile(given, temporary)
        elif place.read_bytes() != given.read_bytes():
            self.progress.say(
                f"{place} is another table and stays: name yours again with --csv {given}"
            )

    def write_down(self) -> None:
        """Write the list of failures, and remove what is of no further use."""
        asked_now = {failure.file for failure in self.failures}
        others = [
            failure
            for file, failure in sorted(self._earlier.items())
            if file not in asked_now and not (self.folder / file).is_file()
        ]
        write_failures(self.folder / FAILURES_FILE, [*self.failures, *others])
        passing = [failure.file for failure in self.failures if not failure.final]
        tidy(self.folder, passing, self._keep if passing else ())

    def _get_listed(self, listing: Listing, source: str) -> None:
        listing.write_table()
        asked, unusable = listing.files()
        self.files += 1  # the table
        self.failures += unusable
        self._get_images(asked, self.manner, source)

    def _get_images(self, asked: Sequence[Asked], manner: Manner, source: str) -> None:
        fetched = fetch_files(
            asked,
            self.folder,
            manner,
            earlier=self._earlier,
            description=f"download {source}",
            progress=self.progress,
        )
        self._count(fetched.there, fetched, fetched.failures)

    def _count(self, files: int, fetched: Fetched, failures: Iterable[Failure]) -> None:
        self.files += files
        self.fetched += fetched.fetched
        self.bytes += fetched.bytes
        self.failures += failures

    def _has_all(self, images: ImageSearch, selection: Selection) -> bool:
        """Whether an earlier run found all images of the same search, or knows them as lost."""
        table = self.folder / images.table
        if read_selection(self.folder) != selection or not table.is_file():
            return False
        names = {path.stem for path in (self.folder / images.folder).glob("*") if path.is_file()}
        lost = {Path(file).stem: failure for file, failure in self._earlier.items()}
        ids = [cell.strip() for cell in read_csv(table).column("isic_id")]
        if not all(name in names or name in lost for name in ids):
            return False
        self.files += 1 + sum(name in names for name in ids)
        self.failures += [lost[name] for name in ids if name not in names]
        return True


def _failed_earlier(folder: Path) -> dict[str, Failure]:
    """Final failures of earlier runs, of one that was killed too, by file."""
    known = [
        *read_failures(folder / FAILURES_FILE),
        *Journal(folder / PARTIAL_FOLDER / JOURNAL).read(),
    ]
    return {
        failure.file: failure
        for failure in known
        if failure.final and not failure.file.startswith(PARTIAL_FOLDER)
    }
