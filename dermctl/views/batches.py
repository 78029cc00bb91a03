"""Which images make up each batch: shuffled by epoch, the same for any number of devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from dermctl.errors import DataError, UsageFault


class Batch(NamedTuple):
    """What a loader process is told to make: images by number, and the epoch they are drawn for."""

    epoch: int
    indices: list[int]


def check_shares(batch_size: int, world_size: int) -> None:
    """Raise ``UsageFault`` where a batch cannot be shared out evenly among the ranks."""
    if batch_size % world_size:
        raise UsageFault(
            f"a batch of {batch_size} images cannot be shared out evenly among "
            f"{world_size} devices",
            where="--batch-size",
            hint=f"Take --batch-size {max(1, batch_size // world_size) * world_size}",
        )


class EpochBatchSampler(Sampler[Batch]):
    """Batches of one rank; all ranks together walk through one permutation an epoch.

    The permutation depends on ``seed`` and epoch only, and a step covers the same images however
    many ranks share it.

    Args:
        n: images.
        batch_size: images a step, over all ranks.
        seed: of the shuffling.
        drop_last: leave out the last batch where it is not full; otherwise see ``fill``.
        fill: fill the last batch up, by images from the epoch's beginning, until each rank has the
            same number; otherwise the ranks' numbers differ by one at most, each image comes once,
            and a last batch with fewer images than ranks is left out, unless it is the only one.
        rank: of this process.
        world_size: number of ranks; must divide ``batch_size``.
        shuffle: False: the same order, and the same views, in each epoch, as validation wants.
        chances: [n] of each image to be drawn, summing to 1: an epoch is then n draws with
            replacement instead of a permutation; None: each image once.

    Raises:
        UsageFault: ``batch_size`` cannot be shared out among the ranks.
        DataError: there are too few images for one batch.
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        *,
        seed: int = 0,
        drop_last: bool = True,
        rank: int = 0,
        world_size: int = 1,
        shuffle: bool = True,
        chances: npt.NDArray[np.float64] | None = None,
        fill: bool = True,
    ) -> None:
        check_shares(batch_size, world_size)
        if n < (batch_size if drop_last else 1):
            raise DataError(
                f"{n} images are too few for one batch of {batch_size}",
                hint=f"Take --batch-size {max(n // world_size, 1) * world_size} or fewer",
            )
        self.n, self.batch_size, self.seed, self.drop_last = n, batch_size, seed, drop_last
        self.rank, self.world_size, self.shuffle = rank, world_size, shuffle
        self.chances, self.fill = chances, fill
        self.epoch = 0
        self.position = 0

    @property
    def sampler(self) -> EpochBatchSampler:
        """Itself: Lightning looks here for the ``set_epoch`` to call."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass; another one than now starts at its first batch."""
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0

    def state_dict(self) -> dict[str, int]:
        """The epoch, and how many of its batches the next pass leaves out."""
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on at the batch where ``state`` was taken."""
        self.epoch, self.position = state["epoch"], state["position"]

    def __len__(self) -> int:
        """Batches in a whole epoch."""
        full, rest = divmod(self.n, self.batch_size)
        if self.drop_last or not rest:
            return full
        return full + (self.fill or rest >= self.world_size or not full)

    def __iter__(self) -> Iterator[Batch]:
        """The batches from ``position`` on."""
        order = self._order()
        epoch = self.epoch if self.shuffle else 0
        for step in range(self.position, len(self)):
            whole = order[step * self.batch_size : (step + 1) * self.batch_size]
            missing = -len(whole) % self.world_size
            if missing and (self.fill or len(whole) < self.world_size):
                whole = np.concatenate([whole, np.resize(order, missing)])
            yield Batch(epoch, whole[self.rank :: self.world_size].tolist())

    def _order(self) -> np.ndarray:
        if not self.shuffle:
            return np.arange(self.n)
        key = np.array([self.seed & (2**64 - 1), self.epoch], np.uint64)
        generator = np.random.Generator(np.random.Philox(key=key))
        if self.chances is not None:
            return generator.choice(self.n, self.n, p=self.chances)
        order = np.arange(self.n, dtype=np.int32 if self.n < 2**31 else np.int64)
        generator.shuffle(order)  # as ``permutation(n)`` does, in half the memory
        return order
