"""What was asked of a source when its raw folder was filled: ``download.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dermctl.datasets.fetch.search import Search
from dermctl.datasets.sources.base import ImageAddresses, ImageSearch, Source
from dermctl.errors import DataError, UsageFault
from dermctl.files import write_json

SELECTION_FILE = "download.json"


@dataclass(frozen=True)
class Selection:
    """A part of a source.

    Args:
        source: its name.
        edition: another way to get it; None: the usual one.
        collections, query: of an archive that can be searched.
        limit: images, at most; None: all.
    """

    source: str
    edition: str | None = None
    collections: tuple[int, ...] = ()
    query: str | None = None
    limit: int | None = None

    @property
    def search(self) -> Search:
        """The same as a search."""
        return Search(self.query, self.collections, self.limit)

    def check(self, source: Source) -> None:
        """Refuse flags that the source has no use for.

        Raises:
            UsageFault: naming the flag and what the source knows.
        """
        if self.edition is not None and self.edition not in source.editions:
            known = ", ".join(source.editions) or "it has none besides the usual one"
            raise UsageFault(
                f"there is no edition '{self.edition}' of {source.name}",
                where="--edition",
                hint=f"Editions: {known}",
            )
        one_by_one = source.images is not None and self.edition is None
        searched = isinstance(source.images, ImageSearch) and self.edition is None
        if (self.collections or self.query) and not searched:
            raise UsageFault(
                f"{source.name} cannot be searched",
                where="--collection, --query",
                hint="Leave them out: they are for isic",
            )
        if self.limit is not None and not one_by_one:
            raise UsageFault(
                f"{source.name} comes in whole archives",
                where="--limit",
                hint="Leave it out: it is for images that are fetched one by one",
            )

    def check_folder(self, folder: Path) -> None:
        """Refuse a folder that was filled with another part of the source, or another source.

        Raises:
            DataError: naming both.
        """
        before = read_selection(folder)
        if before is not None and before.part != self.part:
            raise DataError(
                f"this folder holds {before}, not {self}",
                where=folder,
                hint="Repeat the flags it was filled with, or name another folder with --to DIR",
            )

    def record(self, folder: Path) -> None:
        """Write it down in the raw folder."""
        write_json(folder / SELECTION_FILE, asdict(self))

    @property
    def part(self) -> tuple[object, ...]:
        """What two downloads into one folder must agree on."""
        return self.source, self.edition, self.collections, self.query

    def __str__(self) -> str:
        words = [
            self.source,
            self.edition and f"edition {self.edition}",
            self.collections and f"collection {', '.join(map(str, self.collections))}",
            self.query and f"query '{self.query}'",
        ]
        return " ".join(word for word in words if word)


def read_selection(folder: Path) -> Selection | None:
    """What the folder was filled with; None where `data download` has not filled it.

    Raises:
        DataError: the record is damaged.
    """
    path = folder / SELECTION_FILE
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Selection(**{**document, "collections": tuple(document["collections"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"cannot be read ({error})", where=path, hint="Remove it and download again"
        ) from error


def table_of(source: Source) -> str | None:
    """Name of the table that --csv takes the place of; None where it has no place."""
    return source.images.table if isinstance(source.images, ImageAddresses) else None
