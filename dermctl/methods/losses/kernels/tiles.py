"""Tiles of the similarity matrix: how large they are, and how one is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

CPU_CHUNK = 512
"""A tile of 512 × 512 float32 is 1 MiB: it stays in a core's cache from product to sum."""
THREADS_CHUNK = 1024
"""Several threads meet after every step over a tile: larger tiles make fewer steps."""
ACCELERATOR_CHUNK = 8192
"""256 MiB a tile: the dense form up to 2N = 8,192, a few large launches beyond."""


@dataclass(frozen=True)
class SimilarityTiles:
    """Cosine similarities over temperature of keys with their negatives, a tile at a time.

    Attributes:
        keys: [2N, D] unit rows; image i is row i in view 0 and row N + i in view 1.
        temperature: what similarities are divided by.
        groups: [2N] the group of each key; keys of one group are no negatives of each other.
            None: every image is a group of its own.
    """

    keys: Tensor
    temperature: float
    groups: Tensor | None = None

    @property
    def images(self) -> int:
        """N."""
        return len(self.keys) // 2

    def positives(self) -> Tensor:
        """[2N] the logit of each key with the other view of its image."""
        view0, view1 = self.keys.view(2, self.images, -1)
        logits = torch.linalg.vecdot(view0, view1).div_(self.temperature)
        return torch.cat([logits, logits])

    def negatives(self, rows: slice, columns: slice, out: Tensor | None = None) -> Tensor:
        """[r, c] logits; -inf for a key with itself, its positive, and its group.

        Args:
            rows: a range of keys.
            columns: a range of keys.
            out: flat memory of at least r × c entries to compute in.
        """
        tile = logits_between(self.keys[rows], self.keys[columns], self.temperature, out)
        if self.groups is not None:
            same = self.groups[rows].unsqueeze(1) == self.groups[columns]
            return tile.masked_fill_(same, -torch.inf)
        for to_same_image in (0, self.images, -self.images):
            offset = rows.start - columns.start + to_same_image
            tile.diagonal(offset).fill_(-torch.inf)  # empty where it does not cross the tile
        return tile

    def memory(self, chunk: int) -> Tensor:
        """Flat memory for any one tile of at most chunk × chunk."""
        side = min(chunk, len(self.keys))
        return self.keys.new_empty(side * side)


def logits_between(a: Tensor, b: Tensor, temperature: float, out: Tensor | None = None) -> Tensor:
    """Unit rows [r, D] and [c, D] -> cosines over temperature [r, c].

    Args:
        a: the rows.
        b: the columns.
        temperature: what cosines are divided by.
        out: flat memory of at least r × c entries to compute in.
    """
    size = len(a), len(b)
    tile = a.new_empty(size) if out is None else out[: size[0] * size[1]].view(size)
    torch.addmm(tile, a, b.t(), beta=0, alpha=1 / temperature, out=tile)
    return tile


def spans(start: int, stop: int, chunk: int) -> Iterator[slice]:
    """Cut ``start``…``stop`` into ranges of at most ``chunk``."""
    for begin in range(start, stop, chunk):
        yield slice(begin, min(begin + chunk, stop))


def chunk_for(device: torch.device) -> int:
    """The side of a tile that a device works best with."""
    if device.type != "cpu":
        return ACCELERATOR_CHUNK
    return CPU_CHUNK if torch.get_num_threads() == 1 else THREADS_CHUNK


def worth_keeping(rows: int, columns: int, chunk: int) -> bool:
    """Whether so few tiles cover rows × columns that the gradient had better reuse them."""
    return rows * columns <= 4 * chunk**2
