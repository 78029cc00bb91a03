"""From a table with addresses to the files to fetch: one image a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dermctl.datasets.fetch.asked import Asked, address_fault, is_safe
from dermctl.datasets.fetch.failures import Failure
from dermctl.datasets.sources.base import ImageAddresses
from dermctl.datasets.sources.csvfile import read_csv
from dermctl.datasets.sources.locate import require_columns


@dataclass(frozen=True)
class Addressed:
    """The images of a table: those to ask for, those that cannot be, and the ids of all."""

    asked: tuple[Asked, ...]
    unusable: tuple[Failure, ...]
    ids: frozenset[str]


def images_by_address(
    table: Path, images: ImageAddresses, source: str, limit: int | None = None
) -> Addressed:
    """The images of the first `limit` rows; a name that occurs twice has its first address.

    Raises:
        DataError: the table is not there, or has no such columns.
    """
    wanted = (images.name_column, images.url_column)
    csv = require_columns(read_csv(table), wanted, source)
    names, urls = (csv.column(column)[:limit] for column in wanted)
    names = [name.strip() for name in names]
    asked: dict[str, Asked] = {}
    unusable: dict[str, Failure] = {}
    for name, url in zip(names, map(str.strip, urls), strict=True):
        file = f"{images.folder}/{name}{images.extension}"
        reason = address_fault(url) if is_safe(f"{name}{images.extension}") else "unsafe_name"
        if file in asked or file in unusable:
            continue
        if reason is None:
            asked[file] = Asked(url, file)
        else:
            unusable[file] = Failure(url, file, None, 0, reason)
    return Addressed(tuple(asked.values()), tuple(unusable.values()), frozenset(names))
