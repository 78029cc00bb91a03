"""Where the images of one or more datasets lie, and how each is told from all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, overload

import numpy as np
import numpy.typing as npt

from dermctl.errors import DataError
from dermctl.views.draws import Keys, image_keys
from dermctl.views.encoded import Encoded, EncodedImage

Pixels = npt.NDArray[np.uint8]


class OpenImage(Protocol):
    """One image: its size in pixels, and its pixels when asked for."""

    width: int
    height: int

    def pixels(
        self, reduction: float = 1.0, *, exact: bool = False, rows: int | None = None
    ) -> Pixels:
        """uint8 [H, W, 3], perhaps smaller, or with fewer rows: see ``EncodedImage.pixels``."""


class Images(Protocol):
    """Images by number.

    Attributes:
        keys: uint64 [N], what each image's randomness is drawn from (``dermctl.views.draws``).
    """

    keys: Keys

    def __len__(self) -> int:
        """How many there are."""

    def open(self, index: int) -> OpenImage:
        """Image number ``index``, not necessarily decoded yet."""

    def place(self, index: int) -> str:
        """Where it lies, for people."""

    def mending(self, index: int) -> str:
        """What to type where it cannot be read."""


class Store(Protocol):
    """Random access to packed images: ``dermctl.datasets.store.Store``."""

    folder: Path

    @property
    def mending(self) -> str:
        """What to type where an image cannot be read."""

    def read(self, shard: int, row: int) -> Encoded:
        """The encoded bytes of one image."""

    def image_id(self, shard: int, row: int) -> str:
        """Its id."""

    def place(self, shard: int, row: int) -> str:
        """Where it lies, for people."""


class Part(NamedTuple):
    """The images of one manifest.

    Args:
        store: that the manifest points into.
        shard, row: int [N], the manifest's columns.
        image_ids: N identifiers, unique, with ``prefix`` before them, among all images that are
            trained on together.
        prefix: of each identifier.
    """

    store: Store
    shard: npt.NDArray[np.integer]
    row: npt.NDArray[np.integer]
    image_ids: Sequence[str]
    prefix: str = ""


class StoredImages:
    """The images of several manifests, numbered through in the order given.

    Opens nothing until it is read from, and is cheap to send to a loader process.
    """

    def __init__(self, *parts: Part) -> None:
        self._stores = [part.store for part in parts]
        lengths = [len(part.image_ids) for part in parts]
        self._store = np.repeat(np.arange(len(parts), dtype=np.int16), lengths)
        self._shard = np.concatenate([np.empty(0, np.int32), *(part.shard for part in parts)])
        self._row = np.concatenate([np.empty(0, np.int32), *(part.row for part in parts)])
        if not len(self._shard) == len(self._row) == sum(lengths):
            raise ValueError("shard, row and image_ids must be of one length")
        self.keys: Keys = np.concatenate(
            [np.empty(0, np.uint64), *(image_keys(part.image_ids, part.prefix) for part in parts)]
        )

    def __len__(self) -> int:
        return len(self._store)

    def open(self, index: int) -> EncodedImage:
        """Image number ``index``, not yet decoded; its pixels are those that a cache would keep."""
        store = self._store_of(index)
        data = store.read(int(self._shard[index]), int(self._row[index]))
        return EncodedImage(data, whole=True)

    def name(self, index: int) -> str:
        """``dataset:image_id``, looked up in the store: no string a row is kept."""
        store = self._store_of(index)
        image_id = store.image_id(int(self._shard[index]), int(self._row[index]))
        return f"{store.folder.parent.name}:{image_id}"

    def place(self, index: int) -> str:
        """Shard, row and id."""
        store = self._store_of(index)
        return store.place(int(self._shard[index]), int(self._row[index]))

    def mending(self, index: int) -> str:
        """To check the dataset and to prepare it again."""
        return self._store_of(index).mending

    def _store_of(self, index: int) -> Store:
        return self._stores[int(self._store[index])]


class ImageNames(Sequence[str]):
    """``dataset:image_id`` of stored images, each made when it is asked for."""

    def __init__(self, images: StoredImages) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._images.name(each) for each in range(len(self))[index]]
        return self._images.name(index)


class EncodedFiles:
    """Images as their publisher made them: one file each, of any size and kind.

    Args:
        paths: the files.
        image_ids: an identifier each; the paths themselves where there are none.
    """

    def __init__(self, paths: Sequence[Path], image_ids: Sequence[str] | None = None) -> None:
        self._paths = list(paths)
        self.keys: Keys = image_keys(image_ids or [str(path) for path in paths])

    def __len__(self) -> int:
        return len(self._paths)

    def open(self, index: int) -> EncodedImage:
        """Image number ``index``, not yet decoded."""
        return EncodedImage.of_file(self._paths[index])

    def place(self, index: int) -> str:
        """The file's path."""
        return str(self._paths[index])

    def mending(self, index: int) -> str:
        """To leave it out, or to fetch it again."""
        return "Leave this file out, or fetch it again"


@contextmanager
def naming(images: Images, index: int) -> Iterator[None]:
    """Add to any error about one image's data where that image lies."""
    try:
        yield
    except DataError as error:
        raise DataError(
            f"an image cannot be read: {error.what}",
            where=error.where or images.place(index),
            hint=error.hint or images.mending(index),
        ) from error
