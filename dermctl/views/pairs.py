"""What a batch of views carries beside the pixels, and views of two images of one lesion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from dermctl.views.batches import Batch
from dermctl.views.packed import MakesViews, Tensors
from dermctl.views.transfer import to_device

IntArray = npt.NDArray[np.integer]


class NumberedViews(Dataset[Tensors]):
    """Views of each image, and numbers that tell which images belong together.

    Args:
        views: what makes the views.
        numbers: name -> int [N], one an image: ``groups``, ``labels``.
    """

    def __init__(self, views: MakesViews, numbers: Mapping[str, IntArray]) -> None:
        if any(len(values) != len(views) for values in numbers.values()):
            raise ValueError("one number an image is needed")
        self.count, self.in_process = views.count, views.in_process
        self.views = views
        self.numbers = {name: torch.as_tensor(values) for name, values in numbers.items()}

    def __len__(self) -> int:
        return len(self.views)

    def __getitems__(self, batch: Batch) -> Tensors:
        """As ``views``, and each of ``numbers`` as int64 [B]."""
        made = self.views.__getitems__(batch)
        device = made["views"].device
        return made | {
            name: to_device(values[batch.indices].to(torch.int64), device)
            for name, values in self.numbers.items()
        }


class PairedViews(Dataset[Tensors]):
    """Two views: one of each image, the other of another image of its lesion, where there is one.

    MICLe (Azizi et al., Big Self-Supervised Models Advance Medical Image Classification, arXiv
    2101.05224, section 3.2): two images of one lesion are a positive pair. An image alone in its
    lesion gives both views.

    Args:
        first: makes one view of each image.
        second: makes one view of each image, and other ones than ``first`` (another seed).
        lesions: int [N], the number of each image's lesion.
        seed: of the choice among more than two images of a lesion, made anew each epoch.
    """

    count = 2

    def __init__(
        self, first: MakesViews, second: MakesViews, lesions: IntArray, *, seed: int = 0
    ) -> None:
        if (first.count, second.count) != (1, 1) or len(lesions) != len(first):
            raise ValueError("one view of each kind and one lesion an image are needed")
        self.first, self.second, self.seed = first, second, seed
        self.in_process = first.in_process
        self._order = np.argsort(lesions, kind="stable").astype(np.int32)
        _, number, sizes = np.unique(lesions, return_inverse=True, return_counts=True)
        self._sizes = sizes[number].astype(np.int32)
        self._starts = (np.cumsum(sizes) - sizes)[number].astype(np.int32)
        self._place = np.empty(len(lesions), np.int32)
        self._place[self._order] = np.arange(len(lesions))
        self._place -= self._starts

    def __len__(self) -> int:
        return len(self.first)

    def __getitems__(self, batch: Batch) -> Tensors:
        """As ``ViewsDataset`` with two views; ``index`` names the images of the first."""
        partners = self.partners(batch)
        first = self.first.__getitems__(batch)
        second = self.second.__getitems__(Batch(batch.epoch, partners))
        return {
            name: values if name == "index" else torch.cat([values, second[name]])
            for name, values in first.items()
        }

    def partners(self, batch: Batch) -> list[int]:
        """The other image of each image's lesion, drawn from (seed, epoch, image) alone."""
        found = []
        for index in batch.indices:
            size = int(self._sizes[index])
            step = 0
            if size > 1:  # 1 … size - 1 places on, round the lesion's images
                drawn = np.random.Generator(np.random.Philox(key=[self.seed, batch.epoch]))
                drawn.bit_generator.advance(index)  # type: ignore[attr-defined]
                step = 1 + int(drawn.integers(size - 1))
            place = (int(self._place[index]) + step) % size
            found.append(int(self._order[int(self._starts[index]) + place]))
        return found
