"""Which images a checkpoint's weights were trained or selected on, in a few bytes an image.

Kept in the checkpoint as plain tensors, so that it loads with ``weights_only=True``: 8 bytes for
each of :data:`dermctl.datasets.fingerprints.COLUMNS` and one for the role, 41 MB a million images.
No identifier is kept but as a keyed hash.

64 bits are enough: of m images that are looked up among n, nm / 2⁶⁴ are expected to agree in one
column by chance. For n = 1,000,000 and m = 10,000 that is 5 · 10⁻¹⁰; and that any two of a million
agree has the probability n² / 2⁶⁵ = 3 · 10⁻⁸ (the birthday bound).

**Unknown** is the exposure of weights that come without a record: from elsewhere (timm, a foreign
checkpoint), and whatever is trained from them, since what is merged with it stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dermctl.datasets.fingerprints import COLUMNS, UNKNOWN_ID, Fingerprints, fingerprints
from dermctl.datasets.prepared import Split

KNOWN, UNKNOWN = "known", "unknown"
_WITHOUT_IMAGE_IDS = 4
"""Columns of the first checkpoints' records."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """The images that weights have seen.

    Args:
        images: of n different images.
        trained: [n] whether it was trained on; otherwise it only chose an epoch or a setting.
        complete: whether these are all. False: the weights, or those that they were trained
            from, came without a record.
    """

    images: Fingerprints
    trained: NDArray[np.bool_]
    complete: bool

    def __len__(self) -> int:
        return len(self.images)

    @property
    def state(self) -> str:
        """:data:`KNOWN`, or :data:`UNKNOWN` where the weights may have seen other images too."""
        return KNOWN if self.complete else UNKNOWN

    def to_json(self) -> dict[str, Any]:
        """What every result says of it: the state, and how many images are recorded."""
        trained = int(self.trained.sum())
        return {
            "state": self.state,
            "trained_on": trained,
            "selected_on": len(self) - trained,
        }

    def __str__(self) -> str:
        trained, selected = self.to_json()["trained_on"], self.to_json()["selected_on"]
        known = f"{trained:,} images trained on, {selected:,} selected on"
        return known if self.complete else f"unknown; recorded: {known}"

    @staticmethod
    def nothing() -> Exposure:
        """Of weights at random initialisation."""
        return _empty(complete=True)

    @staticmethod
    def unknown() -> Exposure:
        """Of weights from elsewhere."""
        return _empty(complete=False)

    @staticmethod
    def of(trained: Sequence[Split], selected: Sequence[Split]) -> Exposure:
        """Of a training: the splits it trained on, and those that it chose the best epoch on."""
        prints = [fingerprints(split) for split in (*trained, *selected)]
        roles = [True] * len(trained) + [False] * len(selected)
        flags = [np.full(len(part), role) for part, role in zip(prints, roles, strict=True)]
        values = [part.values for part in prints]
        return _distinct(_stacked(values), np.concatenate([np.empty(0, bool), *flags]), True)

    def merged(self, other: Exposure) -> Exposure:
        """What weights have seen that saw both; each image once."""
        if not len(other):
            return replace(self, complete=self.complete and other.complete)
        return _distinct(
            _stacked([self.images.values, other.images.values]),
            np.concatenate([self.trained, other.trained]),
            self.complete and other.complete,
        )

    def only_trained(self) -> Exposure:
        """The images that were trained on."""
        images = Fingerprints(self.images.values[self.trained])
        return Exposure(images, self.trained[self.trained], self.complete)

    def to_plain(self) -> dict[str, Any]:
        """``images`` int64 [n, 5], ``trained`` uint8 [n], ``complete``."""
        return {
            "images": torch.from_numpy(self.images.values.view(np.int64).copy()),
            "trained": torch.from_numpy(self.trained.astype(np.uint8)),
            "complete": self.complete,
        }

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Exposure:
        """The reverse of :meth:`to_plain`.

        Raises:
            ValueError: the tensors are not of the shapes above.
        """
        values = np.ascontiguousarray(plain["images"].numpy()).view(np.uint64)
        trained = plain["trained"].numpy().astype(bool)
        if values.shape == (len(trained), _WITHOUT_IMAGE_IDS):
            ids = np.full((len(trained), 1), UNKNOWN_ID, np.uint64)
            values = np.concatenate([values, ids], axis=1)
        if values.shape != (len(trained), len(COLUMNS)):
            raise ValueError(f"the exposure has the shape {values.shape}")
        return Exposure(Fingerprints(values), trained, bool(plain["complete"]))


def _empty(*, complete: bool) -> Exposure:
    return Exposure(Fingerprints(_stacked([])), np.empty(0, bool), complete)


def _stacked(values: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.concatenate([np.empty((0, len(COLUMNS)), np.uint64), *values])


def _distinct(values: NDArray[np.uint64], trained: NDArray[np.bool_], complete: bool) -> Exposure:
    """Each image once, sorted; trained on where any of its rows was."""
    order = np.argsort(values[:, 0])
    first = values[order, 0]
    if (first[1:] != first[:-1]).all():  # no two of the same bytes, as nearly always
        return Exposure(Fingerprints(values[order]), trained[order], complete)
    order = np.lexsort(values.T[::-1])
    values, trained = values[order], trained[order]
    new = np.ones(len(values), bool)
    new[1:] = (values[1:] != values[:-1]).any(axis=1)
    seen = np.logical_or.reduceat(trained, np.flatnonzero(new))
    return Exposure(Fingerprints(values[new]), seen, complete)
