"""Published lists of images to leave out, as ``--exclude FILE`` takes them.

Three kinds are told apart by their columns and, for the first, the file's name:

- **images to keep**: a list of cleaned files, as SelfClean publishes it (``file_name``, in a file
  called ``…cleaned…`` or ``…clean_list…``) or as Fitzpatrick17k-C is (``md5hash`` and
  ``new_img_name``). What it does not name is left out.
- **duplicate pairs**: two columns of names, as ``from_img,to_img`` for HAM10000 or
  ``image_name_1,image_name_2`` for ISIC 2020. Of the images that pairs join, the one that the list
  names first and that has a file is kept, the others are left out.
- **images to leave out**: any other table with a column of names, or one name a line.

A name may come with or without extension and folders: ``derm7pt/images/NEL/NEL025.JPG`` is the
image ``images/NEL/nel025.jpg`` and the image ``NEL025``, and never ``other/NEL025``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from dermctl.datasets.groups import connected_groups
from dermctl.datasets.sources.csvfile import CsvTable, read_csv
from dermctl.datasets.sources.images import EXTENSIONS
from dermctl.errors import DataError

KEPT, PAIRS, LEFT_OUT = "images to keep", "duplicate pairs", "images to leave out"

PAIR_COLUMNS = (
    ("from_img", "to_img"),
    ("image_name_1", "image_name_2"),
    ("image_id", "other_id"),
)
NAME_COLUMNS = (
    "image_id",
    "isic_id",
    "image_name",
    "image",
    "file_name",
    "filename",
    "file",
    "img_id",
    "img",
    "path",
    "md5hash",
    "DDI_file",
)
_FITZPATRICK_C = {"md5hash", "new_img_name"}
_CLEANED = re.compile(r"cleaned|clean[-_ ]?(file|list|set)", re.IGNORECASE)


@dataclass(frozen=True)
class Exclusion:
    """What one list comes to.

    Args:
        file: its name.
        sha256: of its bytes.
        kind: :data:`KEPT`, :data:`PAIRS` or :data:`LEFT_OUT`.
        names: different names on it.
        unmatched: names that are no image of the source, or may be several.
        rows: rows of the source to leave out -> why.
    """

    file: str
    sha256: str
    kind: str
    names: int
    unmatched: tuple[str, ...] = ()
    rows: Mapping[int, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        lost = f"; {len(self.unmatched):,} of its {self.names:,} names are no image here"
        return f"{self.file} ({self.kind}): {len(self.rows):,} rows left out" + (
            f"{lost}, first '{self.unmatched[0]}'" if self.unmatched else ""
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "kind": self.kind,
            "names": self.names,
            "unmatched": len(self.unmatched),
            "rows": len(self.rows),
        }


def read_exclusion(path: Path, table: pa.Table) -> Exclusion:
    """Read a list, and find the rows of a source that it leaves out.

    Args:
        path: the list.
        table: the source's rows (``dermctl.datasets.sources.base.COMMON_SCHEMA``).

    Raises:
        DataError: it is missing, has no column of names, names no image of the source, or would
            leave out more than half of it.
    """
    kind, columns = _names(path)
    images = _Images(table)
    names = list(dict.fromkeys(name for column in columns for name in column if name))
    found = {name: images.find(name) for name in names}
    unmatched = tuple(name for name in names if not found[name])
    if len(unmatched) == len(names):
        of_list = f"such as '{names[0]}'" if names else "it is empty"
        raise DataError(
            f"none of its {len(names):,} names is an image of this source ({of_list})",
            where=path,
            hint=f"Name a list for it; its images are called like '{images.example}'",
        )
    if kind == PAIRS:
        rows = _repeated(list(zip(*columns, strict=True)), found, images, path.name)
    else:
        named = {row for rows in found.values() for row in rows}
        leave = sorted(named if kind == LEFT_OUT else set(range(len(table))) - named)
        why = f"named by {path.name}" if kind == LEFT_OUT else f"not on the list {path.name}"
        rows = dict.fromkeys(leave, why)
    _refuse_most(path, kind, len(rows), len(table))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Exclusion(path.name, digest, kind, len(names), unmatched, rows)


def _names(path: Path) -> tuple[str, list[list[str]]]:
    """The kind of a list, and its columns of names, cell by cell."""
    csv = read_csv(path)
    for pair in PAIR_COLUMNS:
        if set(pair) <= set(csv.columns):
            return PAIRS, [_cells(csv, name) for name in pair]
    keeps = bool(_CLEANED.search(path.stem)) or set(csv.columns) >= _FITZPATRICK_C
    kind = KEPT if keeps else LEFT_OUT
    known = [name for name in NAME_COLUMNS if name in csv.columns]
    if known:
        return kind, [_cells(csv, known[0])]
    if len(csv.columns) == 1:  # one name a line, without a header
        return kind, [_cells(read_csv(path, header=["name"]), "name")]
    raise DataError(
        f"no column of image names is among {', '.join(csv.columns)}",
        where=path,
        hint=f"Call that column one of: {', '.join(NAME_COLUMNS)}",
    )


def _cells(csv: CsvTable, column: str) -> list[str]:
    return [cell.strip() for cell in csv.column(column)]


def _refuse_most(path: Path, kind: str, rows: int, of: int) -> None:
    """A list that is taken for the other kind would leave out nearly everything."""
    if 2 * rows <= of:
        return
    other = "is called '…cleaned…'" if kind == LEFT_OUT else "has no 'clean' in its name"
    meant = KEPT if kind == LEFT_OUT else LEFT_OUT
    raise DataError(
        f"as a list of {kind} it would leave out {rows:,} of {of:,} rows",
        where=path,
        hint=f"A list of {meant} {other}: rename it, or cut the table itself",
    )


def _repeated(
    pairs: Sequence[tuple[str, ...]],
    found: Mapping[str, Sequence[int]],
    images: _Images,
    file: str,
) -> dict[int, str]:
    """Of each set of images that pairs join, the rows of all but the first that has a file."""
    order = list(dict.fromkeys(row for pair in pairs for name in pair for row in found[name]))
    place = {row: number for number, row in enumerate(order)}
    links = [
        (place[one], place[other])
        for first, second in pairs
        for one in found[first]
        for other in found[second]
    ]
    members: dict[int, list[int]] = {}
    for row, number in zip(order, connected_groups(len(order), [links]).tolist(), strict=True):
        members.setdefault(number, []).append(row)
    rows: dict[int, str] = {}
    for same in members.values():
        kept = next((row for row in same if images.has_file[row]), same[0])
        why = f"a duplicate of {images.ids[kept]} by {file}"
        rows |= {row: why for row in same if images.ids[row] != images.ids[kept]}
    return rows


class _Images:
    """The rows of a source by the names that their images go by."""

    def __init__(self, table: pa.Table) -> None:
        columns = {
            name: table.column(name).to_pylist() for name in ("image_id", "path", "expected")
        }
        self.ids: list[str] = columns["image_id"]
        self.has_file = [path is not None for path in columns["path"]]
        self._by_stem: dict[str, dict[tuple[str, ...], list[int]]] = {}
        for row, forms in enumerate(zip(*columns.values(), strict=True)):
            for parts in {_parts(form) for form in forms if form}:
                self._by_stem.setdefault(parts[-1], {}).setdefault(parts, []).append(row)

    @property
    def example(self) -> str:
        """What an image is called here."""
        return self.ids[0] if self.ids else ""

    def find(self, name: str) -> list[int]:
        """The rows of the one image that ``name`` means; none where it may be several images."""
        parts = _parts(name)
        known = self._by_stem.get(parts[-1], {})
        rows = sorted({row for own in known if _agree(parts, own) for row in known[own]})
        return rows if len({self.ids[row] for row in rows}) == 1 else []


def _parts(name: str) -> tuple[str, ...]:
    """Folders and stem, in lower case."""
    plain = name.strip().replace("\\", "/").strip("/").lower()
    for extension in EXTENSIONS:
        plain = plain.removesuffix(extension)
    return tuple(plain.split("/"))


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether the shorter path is the end of the longer."""
    shared = min(len(one), len(other))
    return one[-shared:] == other[-shared:]
