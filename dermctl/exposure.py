"""Which images a checkpoint's weights were trained or selected on: 33 bytes an image.

Kept in the checkpoint as plain tensors, so that it loads with ``weights_only=True``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dermctl.datasets.fingerprints import COLUMNS, Fingerprints, fingerprints
from dermctl.datasets.prepared import Split


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
        """``images`` int64 [n, 4], ``trained`` uint8 [n], ``complete``."""
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
        if values.shape != (len(trained), len(COLUMNS)):
            raise ValueError(f"the exposure has the shape {values.shape}")
        return Exposure(Fingerprints(values), trained, bool(plain["complete"]))


def _empty(*, complete: bool) -> Exposure:
    return Exposure(Fingerprints(_stacked([])), np.empty(0, bool), complete)


def _stacked(values: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.concatenate([np.empty((0, len(COLUMNS)), np.uint64), *values])


def _distinct(values: NDArray[np.uint64], trained: NDArray[np.bool_], complete: bool) -> Exposure:
    """Each image once, sorted; trained on where any of its rows was."""
    order = np.lexsort(values.T[::-1])
    values, trained = values[order], trained[order]
    new = np.ones(len(values), bool)
    new[1:] = (values[1:] != values[:-1]).any(axis=1)
    starts = np.flatnonzero(new)
    seen = np.logical_or.reduceat(trained, starts) if len(starts) else trained
    return Exposure(Fingerprints(values[new]), seen, complete)
