"""What a source is: one public data set as its publisher lays it out, read into one table.

A source is data: a frozen `Source` with a `read` function. Adding one is one file and one test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

Access = Literal["download", "terms", "own"]
"""download: `data download` fetches it; terms: its terms forbid that; own: the user's files."""

SOURCE_PREFIX = "src_"
"""Put before the names of the source's own columns, which are kept verbatim as strings."""

COMMON_SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.string()),  # the source's own id, verbatim; duplicates are kept
        pa.field("path", pa.string()),  # of the file found, relative to raw, with "/"; or null
        pa.field("expected", pa.string()),  # where the file was looked for, for messages
        pa.field("line", pa.int32()),  # line of the row in its table (the header is line 1)
        pa.field("label", pa.string()),  # stripped; null where the source gives none
        pa.field("label_raw", pa.string()),  # as the source writes it
        pa.field("finest_label", pa.string()),  # the source's finest label, whatever --label asks
        pa.field("patient_id", pa.string()),
        pa.field("lesion_id", pa.string()),  # unique over the whole source, or null
        pa.field("fitzpatrick", pa.int8()),  # 1 to 6
        pa.field("skin_tone", pa.string()),  # "12", "34" or "56": pairs of skin types, as in DDI
        pa.field("age", pa.float32()),  # years
        pa.field("sex", pa.string()),  # "female" or "male"
        pa.field("site", pa.string()),  # where on the body, in the source's words, lower case
        pa.field("modality", pa.string()),  # "dermoscopic", "clinical", "tbp", "rcm"
        pa.field("license", pa.string()),  # a short token: cc-0, cc-by, cc-by-nc, ...
        pa.field("attribution", pa.string()),
        pa.field("md5_expected", pa.string()),  # of the original file, where the source gives it
        pa.field("url", pa.string()),
        pa.field("split", pa.string()),  # official split: "train", "val", "test", or null
    ]
)


@dataclass(frozen=True)
class Download:
    """One file that `data download` fetches. Checksums and size only where they are published.

    A zip is unpacked and not kept; a folder in it that holds all the rest is left out.

    Args:
        url: where it lies.
        filename: its name under the raw folder.
        md5, sha256: hexadecimal, or None.
        size: bytes, or None.
        into: folder that a zip is unpacked into, below the raw folder; None: one of its own name.
    """

    url: str
    filename: str
    md5: str | None = None
    sha256: str | None = None
    size: int | None = None
    into: str | None = None

    @property
    def is_archive(self) -> bool:
        """Whether it is unpacked."""
        return self.filename.endswith(".zip")

    @property
    def folder(self) -> str:
        """Where it is unpacked, below the raw folder."""
        return self.filename.removesuffix(".zip") if self.into is None else self.into


@dataclass(frozen=True)
class ImageAddresses:
    """Images that a table of the source gives the addresses of, fetched one by one.

    Args:
        table: name of that table under the raw folder.
        name_column: what an image is called, without extension.
        url_column: where it lies.
        folder: where images go, below the raw folder.
        extension: what their names end in, whatever their kind.
        per_host: images fetched from one host at a time.
    """

    table: str
    name_column: str
    url_column: str
    folder: str
    extension: str = ".jpg"
    per_host: int = 4


@dataclass(frozen=True)
class ImageSearch:
    """Images that the API of the ISIC archive lists, page by page.

    Args:
        api: its address, which ends in the version.
        table: what the table made from the records is called under the raw folder.
        folder: where images go, below the raw folder.
        page: records on a page, at most.
    """

    api: str
    table: str = "metadata.csv"
    folder: str = "images"
    page: int = 100


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about how to read a source. None: the source's own default.

    Args:
        label: the column that labels come from, or a shared target (`datasets.labelling`).
        indeterminate: the side, malignant or benign, on which the target `malignancy` puts labels
            that are neither or both; None: they are left out.
        csv: the table to read, in place of the one in the raw folder.
        image_column, label_column, ..., split_column: columns of the user's own table
            (source `csv`); the public sources know theirs.
    """

    label: str | None = None
    indeterminate: str | None = None
    csv: Path | None = None
    image_column: str | None = None
    label_column: str | None = None
    patient_column: str | None = None
    lesion_column: str | None = None
    skin_type_column: str | None = None
    age_column: str | None = None
    sex_column: str | None = None
    site_column: str | None = None
    license_column: str | None = None
    split_column: str | None = None


FaultCode = Literal[
    "malformed_row",  # a line that could not be read as a row: it is not in the table
    "outside_raw",  # a row whose path leaves the raw folder: in the table, without a file
    "bad_value",  # cells that could not be understood: null in the table, verbatim in src_
    "bad_label",  # a row whose label contradicts itself, as two ones in a one-hot row
    "duplicate_column",  # a column name that occurs twice
    "encoding",  # the table is not UTF-8
    "ambiguous_file",  # two files answer to the name in a row
    "misplaced_file",  # an image where the layout has none
    "unmatched_row",  # a row of a side table that names no image, or the reverse
]


@dataclass(frozen=True)
class RowFault:
    """One thing wrong with the table as such; what is wrong with images is found by the checks.

    Args:
        code: what kind of fault.
        detail: the fault in words.
        file: name of the table, or path of the file, that it was met in.
        line: line in that table (the header is line 1), or None.
        image_id: the image it concerns, or None.
    """

    code: FaultCode
    detail: str
    file: str | None = None
    line: int | None = None
    image_id: str | None = None


@dataclass(frozen=True)
class SourceTable:
    """A source, read.

    Args:
        table: a row an image in the source's order: the columns of `COMMON_SCHEMA`, then every
            column of the source as a string under `src_<column>`.
        label_column: the column that `label` came from.
        faults: what is wrong with the tables. Lines that are no rows ("malformed_row") are
            here and not in `table`; all else leaves the row in it.
        unlisted: image files in the folder that no row names, relative to raw.
        duplicates: pairs of image ids that the publisher says to be one photograph.
        left_out: row → reason code and detail, of rows whose label has no class on the target.
        target: how labels were mapped onto a shared target, JSON-plain; None: they are a column's.
    """

    table: pa.Table
    label_column: str | None
    faults: list[RowFault] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    left_out: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    target: Mapping[str, Any] | None = None

    @property
    def malformed(self) -> list[RowFault]:
        """The lines that could not be read: rows in = `table.num_rows` + these."""
        return [fault for fault in self.faults if fault.code == "malformed_row"]


@dataclass(frozen=True)
class Source:
    """One public data set.

    Args:
        name: how the command line calls it.
        title: its full name.
        homepage: where a person reads about it.
        license: as its publisher states it.
        citation: the paper to cite.
        size: number of images and the space they take, in words.
        access: see `Access`.
        how_to_get: the next step for who does not have it.
        layout: the folder layout that is read, in words.
        default_label: the column that labels come from unless --label names another.
        label_columns: columns that serve well as a label.
        read: (raw folder, options) to a `SourceTable`; raises DataError.
        downloads: files that `data download` fetches.
        splits: official splits that the source names, among "train", "val", "test".
        images: where images that are fetched one by one come from, or None.
        editions: other ways to get it, for `--edition`: name → all the files of that edition.
    """

    name: str
    title: str
    homepage: str
    license: str
    citation: str
    size: str
    access: Access
    how_to_get: str
    layout: str
    default_label: str
    label_columns: tuple[str, ...]
    read: Callable[[Path, ReadOptions], SourceTable]
    downloads: tuple[Download, ...] = ()
    splits: tuple[str, ...] = ()
    images: ImageAddresses | ImageSearch | None = None
    editions: Mapping[str, tuple[Download, ...]] = field(default_factory=dict)
