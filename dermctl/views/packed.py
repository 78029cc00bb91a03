"""Datasets that make a whole batch at once, in place, as one uint8 tensor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, get_worker_info

from dermctl.errors import DataError
from dermctl.views.batches import Batch
from dermctl.views.cpu import make_views, one_thread
from dermctl.views.encoded import EncodedImage
from dermctl.views.images import StoredImages
from dermctl.views.parameters import sample
from dermctl.views.spec import AugmentationSpec

Tensors = dict[str, torch.Tensor]


class ViewsDataset(Dataset[Tensors]):
    """``count`` augmented views of each image, a batch at a time.

    ``__getitems__`` takes what ``EpochBatchSampler`` yields and returns the batch itself: give a
    DataLoader ``collate_fn=as_is``.

    Args:
        images: to be read.
        spec: of the augmentation.
        size: side of a view in pixels.
        seed: of the augmentation.
        count: views of each image.
    """

    def __init__(
        self,
        images: StoredImages,
        spec: AugmentationSpec,
        size: int,
        *,
        seed: int = 0,
        count: int = 2,
    ) -> None:
        self.images, self.spec, self.size, self.seed, self.count = images, spec, size, seed, count

    def __len__(self) -> int:
        return len(self.images)

    def __getitems__(self, batch: Batch) -> Tensors:
        """One batch.

        Returns:
            ``views`` uint8 [count, B, size, size, 3] and ``index`` int64 [B], the images' numbers.

        Raises:
            DataError: an image of the store cannot be read; it is named by number.
        """
        one_thread()
        epoch, indices = batch
        encoded = [open_image(self.images, index) for index in indices]
        sizes = np.array([(image.width, image.height) for image in encoded], np.int64)
        views = sample(
            self.spec, sizes, self.images.keys[indices], seed=self.seed, epoch=epoch,
            views=self.count,
        ).views()  # fmt: skip
        pixels = new_batch(self.count, len(indices), self.size)
        places = pixels.numpy()
        for place, image in enumerate(encoded):
            make_views(
                image,
                views[place :: len(indices)],
                self.size,
                list(places[:, place]),
                blur_kernel=self.spec.blur_kernel,
            )
        return {"views": pixels, "index": torch.tensor(indices)}


class LabelledDataset(Dataset[Tensors]):
    """One augmented view of each image, with its label, for learning from labels.

    Args:
        labels: int [N], class numbers.
        views: with ``count`` 1.
    """

    def __init__(self, views: ViewsDataset, labels: npt.NDArray[np.integer]) -> None:
        if views.count != 1 or len(labels) != len(views):
            raise ValueError("one view and one label an image are needed")
        self.views, self.labels = views, torch.as_tensor(labels, dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.views)

    def __getitems__(self, batch: Batch) -> Tensors:
        """``images`` uint8 [B, size, size, 3], ``labels`` and ``index`` int64 [B]."""
        made = self.views.__getitems__(batch)
        index = made["index"]
        return {"images": made["views"][0], "labels": self.labels[index], "index": index}


def open_image(images: StoredImages, index: int) -> EncodedImage:
    """Image number ``index``, not yet decoded.

    Raises:
        DataError: it cannot be read; it is named by number.
    """
    try:
        return EncodedImage(images.read(index))
    except DataError as error:
        raise DataError(
            f"image number {index} cannot be read: {error.what}",
            where=error.where,
            hint=error.hint or "Check the dataset with: dermctl data check NAME",
        ) from error


def new_batch(count: int, batch: int, size: int) -> torch.Tensor:
    """An empty uint8 [count, batch, size, size, 3].

    In a loader process it lies in shared memory from the start, so that handing it to the training
    copies nothing.
    """
    shape = (count, batch, size, size, 3)
    if get_worker_info() is None:
        return torch.empty(shape, dtype=torch.uint8)
    length = count * batch * size * size * 3
    shared = torch.UntypedStorage._new_shared(length, device="cpu")  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=torch.uint8).set_(shared).view(shape)


def as_is(batch: Tensors) -> Tensors:
    """The collate function for datasets that already return whole batches."""
    return batch
