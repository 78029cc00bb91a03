"""Datasets that make a whole batch at once, in place, as one uint8 tensor."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, get_worker_info

from dermctl.views.batches import Batch
from dermctl.views.cpu import make_views, one_thread
from dermctl.views.images import Images, OpenImage, naming
from dermctl.views.parameters import ParameterBatch, sample
from dermctl.views.spec import AugmentationSpec
from dermctl.views.transfer import to_device

Tensors = dict[str, torch.Tensor]


class ViewsDataset(Dataset[Tensors]):
    """``count`` augmented views of each image, a batch at a time.

    ``__getitems__`` takes what ``EpochBatchSampler`` yields and returns the batch itself: load it
    with ``BatchLoader``.

    Args:
        images: to be read.
        spec: of the augmentation.
        size: side of a view in pixels.
        seed: of the augmentation.
        count: views of each image.
        finish: False: cut, resize and turn only, and leave colour and blur to
            ``dermctl.views.device.finish``, with what it needs in the batch.
    """

    in_process = False

    def __init__(
        self,
        images: Images,
        spec: AugmentationSpec,
        size: int,
        *,
        seed: int = 0,
        count: int = 2,
        finish: bool = True,
    ) -> None:
        self.images, self.spec, self.size, self.seed = images, spec, size, seed
        self.count, self.finish = count, finish

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, batch: Batch) -> Tensors:
        """One batch.

        Returns:
            ``views`` uint8 [count, B, size, size, 3] and ``index`` int64 [B], the images' numbers;
            where the device finishes them also ``colour`` float32 [count, B, 3, 6] and ``kernels``
            float32 [count, B, K].

        Raises:
            DataError: an image cannot be read; where it lies is said.
        """
        one_thread()
        opened = [self._open(index) for index in batch.indices]
        sizes = np.array([(image.width, image.height) for image in opened], np.int64)
        keys = self.images.keys[batch.indices]
        drawn = sample(self.spec, sizes, keys, seed=self.seed, epoch=batch.epoch, views=self.count)
        made = {"views": self._make(batch.indices, opened, drawn)}
        if not self.finish:
            made |= finishing(drawn, self.spec, self.size, self.count)
        return made | {"index": torch.tensor(batch.indices)}

    def _open(self, index: int) -> OpenImage:
        with naming(self.images, index):
            return self.images.open(index)

    def _make(
        self, indices: list[int], opened: list[OpenImage], drawn: ParameterBatch
    ) -> torch.Tensor:
        views = drawn.views(self.spec, self.size)
        if not self.finish:
            views = [view._replace(colour=None, kernel=None) for view in views]
        pixels = new_batch(self.count, len(opened), self.size)
        places = pixels.numpy()
        for place, (index, image) in enumerate(zip(indices, opened, strict=True)):
            with naming(self.images, index):
                make_views(image, views[place :: len(opened)], self.size, list(places[:, place]))
        return pixels


def finishing(drawn: ParameterBatch, spec: AugmentationSpec, size: int, count: int) -> Tensors:
    """What the device needs to finish views: ``colour`` and ``kernels``, see ``ViewsDataset``."""
    colour = torch.from_numpy(drawn.colour()).to(torch.float32)
    kernels = torch.from_numpy(drawn.kernels(spec, size))
    return {
        "colour": colour.view(count, -1, *colour.shape[1:]),
        "kernels": kernels.view(count, -1, kernels.shape[1]),
    }


class MakesViews(Protocol):
    """``ViewsDataset``, ``SlowViewsDataset`` or ``dermctl.views.resident.ResidentDataset``.

    Attributes:
        count: views of each image.
        in_process: batches are made on the device, where loader processes cannot help.
    """

    count: int
    in_process: bool

    def __len__(self) -> int:
        """Images."""

    def __getitems__(self, batch: Batch) -> Tensors:
        """``views`` uint8 [count, B, size, size, 3] and ``index`` int64 [B]."""


class LabelledDataset(Dataset[Tensors]):
    """One augmented view of each image, with its label, for learning from labels.

    Args:
        labels: int [N], class numbers.
        views: with ``count`` 1.
        metadata: float32 [N, M], of a model that takes it.
    """

    def __init__(
        self,
        views: MakesViews,
        labels: npt.NDArray[np.integer],
        metadata: npt.NDArray[np.float32] | None = None,
    ) -> None:
        if views.count != 1 or len(labels) != len(views):
            raise ValueError("one view and one label an image are needed")
        self.in_process = views.in_process
        self.views, self.labels = views, torch.as_tensor(labels, dtype=torch.int64)
        self.metadata = None if metadata is None else torch.as_tensor(metadata)

    def __len__(self) -> int:
        return len(self.views)

    def __getitems__(self, batch: Batch) -> Tensors:
        """``images`` uint8 [B, size, size, 3], ``labels`` and ``index`` int64 [B].

        ``metadata`` float32 [B, M] stands beside them where there is any. What the device needs to
        finish the views stays as it is, see ``ViewsDataset``.
        """
        made = self.views.__getitems__(batch)
        views = made.pop("views")
        labels = to_device(self.labels[batch.indices], views.device)
        made |= {"images": views[0], "labels": labels}
        if self.metadata is not None:
            made["metadata"] = to_device(self.metadata[batch.indices], views.device)
        return made


def new_batch(count: int, batch: int, size: int) -> torch.Tensor:
    """An empty uint8 [count, batch, size, size, 3].

    In a loader process it lies in shared memory from the start, so that handing it to the training
    copies nothing. Elsewhere numpy provides it, since it asks for huge pages: a new block of plain
    ones costs more time than a copy into it.
    """
    shape = (count, batch, size, size, 3)
    if get_worker_info() is None:
        return torch.from_numpy(np.empty(shape, np.uint8))
    length = count * batch * size * size * 3
    shared = torch.UntypedStorage._new_shared(length, device="cpu")  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=torch.uint8).set_(shared).view(shape)


def as_is(batch: Tensors) -> Tensors:
    """The collate function for datasets that already return whole batches."""
    return batch
