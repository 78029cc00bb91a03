"""From prepared datasets to loaders: which rows, which classes, which batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl

from dermctl.datasets.prepared import Split
from dermctl.datasets.store import STORE_FOLDER, Store
from dermctl.errors import DataError
from dermctl.views.batches import EpochBatchSampler
from dermctl.views.decoded import DecodedImages
from dermctl.views.device import finish
from dermctl.views.evaluation import EvaluationDataset, EvaluationTransform
from dermctl.views.images import Part, StoredImages
from dermctl.views.loader import BatchLoader
from dermctl.views.packed import LabelledDataset, MakesViews, Tensors

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
MakesBatches = MakesViews | LabelledDataset | EvaluationDataset


def stored_images(splits: Sequence[Split]) -> StoredImages:
    """The images of several splits, one after another, each known as ``dataset:image_id``.

    Commands hold the splits against their stores first: ``dermctl.datasets.places.check_split``.
    """
    return StoredImages(*map(_stored, splits))


def _stored(split: Split) -> Part:
    store, names = Store(split.folder / STORE_FOLDER), split.strings("image_id")
    shard, row = (np.asarray(split.table.column(name)) for name in ("shard", "row"))
    datasets = split.codes("dataset").values.to_pylist()
    if len(datasets) == 1:
        return Part(store, shard, row, names, prefix=f"{datasets[0]}:")
    both = zip(split.strings("dataset"), names, strict=True)
    return Part(store, shard, row, [f"{dataset}:{name}" for dataset, name in both])


def labelled(split: Split) -> Split:
    """The rows of a split that have a label.

    Raises:
        DataError: when there are none, saying why.
    """
    if not len(split):
        raise DataError(
            f"the {split.name} split of '{split.folder.name}' is empty",
            where=split.folder / f"{split.name}.parquet",
            hint="Prepare it again with a larger share, as --val 0.1 --test 0.2",
        )
    kept = split.where([label is not None for label in split.column("label")])
    if not len(kept):
        raise DataError(
            f"no image in the {split.name} split of '{split.folder.name}' has a label",
            where=split.folder / f"{split.name}.parquet",
            hint="Prepare it with a label: --label COLUMN (csv: --label-column COLUMN)",
        )
    return kept


def class_numbers(split: Split, classes: Sequence[str]) -> IntArray:
    """Class number of each row.

    Raises:
        DataError: naming the labels that are not among ``classes``.
    """
    number = {name: index for index, name in enumerate(classes)}
    labels = split.column("label")
    strange = sorted({label for label in labels if label not in number})
    if strange:
        raise DataError(
            f"labels that the model does not know: {', '.join(strange[:5])}"
            + (f" and {len(strange) - 5} more" if strange[5:] else ""),
            where=split.folder / f"{split.name}.parquet",
            hint="Fine-tune on this dataset, or name the one it was trained on with --data NAME",
        )
    return np.array([number[label] for label in labels], np.int64)


@dataclass(frozen=True)
class LoaderSettings:
    """What all loaders of a training share.

    Args:
        batch_size: images, over all devices.
        workers: loader processes a device.
        seed: of the order.
        pin: see ``BatchLoader``.
        shared: see ``dermctl.training.Loaders``.
    """

    batch_size: int
    workers: int
    seed: int
    pin: bool
    shared: int = 0


class TrainingData(pl.LightningDataModule):
    """Training and validation batches; each rank gets its share of each.

    Args:
        train: what makes a batch of training images.
        val: what makes a batch of validation images, or None.
        settings: of both loaders.
        chances: of each training image to be drawn, see ``EpochBatchSampler``.
        resident: decoded images that are moved to the device of each process of the training.
        fused: colour and blur by ``dermctl.views.fused``.
        fill_val: see ``EpochBatchSampler``; a loss that compares images wants each once.
    """

    def __init__(
        self,
        train: MakesBatches,
        val: MakesBatches | None,
        settings: LoaderSettings,
        *,
        chances: FloatArray | None = None,
        resident: Sequence[DecodedImages] = (),
        fused: bool = False,
        fill_val: bool = True,
    ) -> None:
        super().__init__()
        self._train, self._val, self._settings = train, val, settings
        self._chances, self._resident, self._fused = chances, resident, fused
        self._fill_val = fill_val

    def setup(self, stage: str) -> None:
        """Only now does each process know its device."""
        if self.trainer:
            for images in self._resident:
                images.move(self.trainer.strategy.root_device)

    def on_after_batch_transfer(self, batch: Tensors, dataloader_idx: int) -> Tensors:
        """Colour and blur on the device, where the loader left them to it."""
        return finish(batch, fused=self._fused)

    def train_dataloader(self) -> BatchLoader:
        """Shuffled anew each epoch; the last batch is left out when it is not full."""
        return self._loader(self._train, shuffle=True, drop_last=True)

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """In order, the same views each time; no loader where there is no validation split."""
        if self._val is None:
            return []
        return self._loader(self._val, shuffle=False, drop_last=False)

    def _loader(
        self,
        dataset: MakesBatches,
        *,
        shuffle: bool,
        drop_last: bool,
    ) -> BatchLoader:
        rank, world = (
            (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        )
        sampler = EpochBatchSampler(
            len(dataset),
            self._settings.batch_size,
            seed=self._settings.seed,
            drop_last=drop_last,
            rank=rank,
            world_size=world,
            shuffle=shuffle,
            chances=self._chances if shuffle else None,
            fill=shuffle or self._fill_val,
        )
        return BatchLoader(
            dataset,  # type: ignore[arg-type]
            sampler,
            workers=self._settings.workers,
            pin_memory=self._settings.pin,
        )


def evaluation_loader(
    images: StoredImages,
    transform: EvaluationTransform,
    settings: LoaderSettings,
    *,
    metadata: npt.NDArray[np.float32] | None = None,
) -> BatchLoader:
    """All images once, in order, as the model sees them in evaluation, metadata beside them."""
    sampler = EpochBatchSampler(
        len(images), settings.batch_size, drop_last=False, shuffle=False, seed=settings.seed
    )
    return BatchLoader(
        EvaluationDataset(images, transform, metadata=metadata),
        sampler,
        workers=settings.workers,
        pin_memory=settings.pin,
    )
