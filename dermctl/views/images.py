"""Where the images of one or more datasets lie, and how each is told from all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from dermctl.views.draws import Keys, image_keys
from dermctl.views.encoded import Encoded


class Store(Protocol):
    """Random access to packed images: ``dermctl.datasets.store.Store``."""

    def read(self, shard: int, row: int) -> Encoded:
        """The encoded bytes of one image."""


class Part(NamedTuple):
    """The images of one manifest.

    Args:
        store: that the manifest points into.
        shard, row: int [N], the manifest's columns.
        image_ids: N identifiers, unique in the dataset.
    """

    store: Store
    shard: npt.NDArray[np.integer]
    row: npt.NDArray[np.integer]
    image_ids: Sequence[str]


class StoredImages:
    """The images of several manifests, numbered through in the order given.

    Opens nothing until it is read from, and is cheap to send to a loader process.
    """

    def __init__(self, *parts: Part) -> None:
        self._stores = [part.store for part in parts]
        lengths = [len(part.image_ids) for part in parts]
        self._store = np.repeat(np.arange(len(parts)), lengths)
        self._shard = np.concatenate([np.empty(0, np.int64), *(part.shard for part in parts)])
        self._row = np.concatenate([np.empty(0, np.int64), *(part.row for part in parts)])
        if not len(self._shard) == len(self._row) == sum(lengths):
            raise ValueError("shard, row and image_ids must be of one length")
        self.keys: Keys = np.concatenate(
            [np.empty(0, np.uint64), *(image_keys(part.image_ids) for part in parts)]
        )

    def __len__(self) -> int:
        return len(self._store)

    def read(self, index: int) -> Encoded:
        """The encoded bytes of image number ``index``."""
        store = self._stores[self._store[index]]
        encoded: Encoded = store.read(int(self._shard[index]), int(self._row[index]))
        return encoded
