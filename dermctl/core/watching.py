"""Watching a pretraining learn: probes on labels, and measures that need none, each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from torch import nn

from dermctl.checkpoint import Description
from dermctl.core.loading import stored_images
from dermctl.core.transform import transform_of
from dermctl.datasets.prepared import Split
from dermctl.inference import run_model
from dermctl.methods.ridge import ridge_scores
from dermctl.metrics.representation import alignment, effective_rank, feature_std, uniformity
from dermctl.metrics.scores import balanced_accuracy
from dermctl.models.encoder import feature_width
from dermctl.models.neighbours import NearestNeighbours
from dermctl.progress import Progress
from dermctl.training.names import FEATURE_STD
from dermctl.views.batches import Batch
from dermctl.views.device import finish
from dermctl.views.evaluation import EvaluationDataset
from dermctl.views.images import StoredImages
from dermctl.views.packed import MakesViews, Tensors

TRAIN_IMAGES, VAL_IMAGES = 2_000, 1_000
"""Images looked at: enough for a curve, little beside an epoch."""
PROBE = "probe/ridge"
"""What chooses the best epoch of a pretraining where there are labels."""
_NEIGHBOURS = 20
_ALIGNED_IMAGES = 256
_BATCH = 128
_KEPT_BYTES = 2**29
_COLLAPSED_SHARE, _COLLAPSED_STD = 0.02, 0.02

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Watch:
    """Embeds a fixed sample of train and validation images, and measures the embeddings.

    A kNN vote (cosine, arXiv 1805.01978) and a ridge classifier are fitted on the train labels and
    scored on validation, by balanced accuracy; test images are never looked at. Where there are no
    labels, or one class only, alignment, uniformity, effective rank and feature deviation remain.

    Args:
        train: the training rows.
        val: the validation rows; none: the train sample stands for them where no label is needed.
        views: augmented views of the rows of ``val`` (or of ``train`` without validation), for the
            alignment.
        about: size and transform of the images.
        every: epochs between two looks.
        progress: where a collapse, and what the looking cost, is said.
        seed: of the sample.
    """

    def __init__(
        self,
        train: Sequence[Split],
        val: Sequence[Split],
        views: MakesViews | None,
        about: Description,
        *,
        every: int,
        progress: Progress,
        seed: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        labels, val_labels = _labels(train, val)
        self._classes = int(labels.max(initial=-1)) + 1
        self.labelled = self._classes > 1 and bool((val_labels >= 0).any())
        self._train = _sample(rng, labels, TRAIN_IMAGES, labelled=self.labelled)
        self._val = _sample(rng, val_labels, VAL_IMAGES, labelled=self.labelled)
        self._labels, self._val_labels = labels[self._train], val_labels[self._val]
        transform = transform_of(about)
        self._train_images = EvaluationDataset(_only(train, self._train), transform)
        self._val_images = EvaluationDataset(_only(val, self._val), transform) if val else None
        self._views, self._about, self._every, self._progress = views, about, every, progress
        self._started = time.perf_counter()
        self.seconds = 0.0
        self._warned = False
        self._kept: dict[str, list[torch.Tensor]] = {}

    def __call__(self, trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, float]:
        """What is seen after this epoch, by name; nothing where no look is due."""
        epoch = trainer.current_epoch + 1
        if epoch % self._every and epoch != trainer.max_epochs:
            return {}
        begun = time.perf_counter()
        encoder = module.encoder
        assert isinstance(encoder, nn.Module)
        values = self.measure(encoder, str(module.device))
        self.seconds += time.perf_counter() - begun
        self._warn(values, feature_width(encoder), epoch)
        if epoch == trainer.max_epochs:
            share = self.seconds / max(1e-9, time.perf_counter() - self._started)
            self._progress.say(f"watching it learn took {share:.1%} of the time")
        return values

    def measure(self, encoder: nn.Module, device: str) -> dict[str, float]:
        """Embed the sample and measure it; the encoder's mode stays as it was.

        Args:
            encoder: images [B, 3, H, W] -> embeddings [B, D].
            device: where it lies.
        """
        training = encoder.training
        try:
            with torch.compiler.set_stance("force_eager"):  # a look is too short to compile for
                return self._measure(encoder, device)
        finally:
            encoder.train(training)

    def _measure(self, encoder: nn.Module, device: str) -> dict[str, float]:
        train = self._embed(encoder, "train", device)
        if not np.isfinite(train).all():
            return {FEATURE_STD: math.nan}  # of weights that are no numbers: the training says so
        has_val = self._val_images is not None and len(self._val) > 1
        seen = self._embed(encoder, "val", device) if has_val else train
        values = self._probe(train, seen) if self.labelled else {}
        if len(seen) > 1:
            values["probe/uniformity"] = uniformity(seen)
        values["probe/effective_rank"] = effective_rank(seen)
        values[FEATURE_STD] = feature_std(seen)
        if self._views is not None:
            one, other = (self._embed(encoder, name, device) for name in ("view 0", "view 1"))
            values["probe/alignment"] = alignment(one, other)
        return values

    def _probe(self, train: FloatArray, val: FloatArray) -> dict[str, float]:
        known = self._labels >= 0
        labels, train = self._labels[known], train[known]
        votes = torch.eye(self._classes, dtype=torch.float64)[torch.from_numpy(labels)]
        neighbours = NearestNeighbours(
            torch.from_numpy(train), votes, k=min(_NEIGHBOURS, len(train))
        )
        voted = neighbours(torch.from_numpy(val)).numpy()
        ridge = ridge_scores(train, labels, val, classes=self._classes)
        return {
            "probe/knn": self._score(voted),
            PROBE: self._score(ridge),
        }

    def _score(self, scores: FloatArray) -> float:
        known = self._val_labels >= 0
        chosen = np.eye(self._classes)[scores[known].argmax(1)]
        return float(balanced_accuracy(self._val_labels[known], chosen).value)

    def _embed(self, encoder: nn.Module, what: str, device: str) -> FloatArray:
        batches = self._pixels(what, device)
        found = run_model(encoder, batches, self._about, device=device, images=0, what="watch")
        return np.asarray(found.double().numpy())

    def _pixels(self, what: str, device: str) -> Iterable[Tensors]:
        """The same pixels at each look: kept where they are few enough."""
        if what not in self._kept:
            made = self._make(what)
            if self._bytes(what) > _KEPT_BYTES:
                return made
            self._kept[what] = [batch["images"].to(device) for batch in made]
        return ({"images": pixels} for pixels in self._kept[what])

    def _make(self, what: str) -> Iterable[Tensors]:
        if what == "train":
            return _batches(self._train_images)
        if what == "val" and self._val_images is not None:
            return _batches(self._val_images)
        assert self._views is not None
        numbers = self._train if self._val_images is None else self._val
        return _one_view(self._views, numbers[:_ALIGNED_IMAGES], int(what[-1]))

    def _bytes(self, what: str) -> int:
        images = {"train": len(self._train), "val": len(self._val)}.get(what, _ALIGNED_IMAGES)
        return images * self._about.image_size**2 * 3

    def _warn(self, values: dict[str, float], width: int, epoch: int) -> None:
        """Once: an encoder at random initialisation looks collapsed too, so not at first."""
        if not math.isfinite(values[FEATURE_STD]):
            return
        rank, spread = values["probe/effective_rank"], values[FEATURE_STD]
        few = rank < max(2.0, _COLLAPSED_SHARE * width)
        if epoch > 1 and not self._warned and (few or spread < _COLLAPSED_STD):
            self._warned = True
            self._progress.say(
                f"warning: the embeddings are collapsing (effective rank {rank:.1f}, deviation "
                f"{spread:.3f}): try a lower --lr, a longer --warmup or another --temperature"
            )


def _labels(train: Sequence[Split], val: Sequence[Split]) -> tuple[IntArray, IntArray]:
    """Class numbers over all datasets, -1 where there is none; a class of validation only: -1.

    A class is a label of a column: two datasets share it where they read the same column.
    """
    classes: dict[tuple[str, str], int] = {}
    for split in train:
        for key in _classes(split):
            classes.setdefault(key, len(classes))
    first, second = (
        np.concatenate([np.empty(0, np.int64), *(_class_numbers(split, classes) for split in part)])
        for part in (train, val)
    )
    return first, second


def _classes(split: Split) -> list[tuple[str, str]]:
    column = str(split.description["label"])
    return [(column, label) for label in split.codes("label").values.drop_null().to_pylist()]


def _class_numbers(split: Split, classes: Mapping[tuple[str, str], int]) -> IntArray:
    numbers = [classes.get(key, -1) for key in _classes(split)]
    return np.array([*numbers, -1], np.int64)[split.codes("label").numbers]  # null is -1: the last


def _only(splits: Sequence[Split], rows: npt.NDArray[np.int64]) -> StoredImages:
    """The images of some rows, given in order, counted through all splits."""
    ends = np.cumsum([len(split) for split in splits])
    parts = np.split(rows, np.searchsorted(rows, ends[:-1]))
    starts = [0, *ends[:-1].tolist()]
    return stored_images(
        [split.take(part - start) for split, part, start in zip(splits, parts, starts, strict=True)]
    )


def _sample(
    rng: np.random.Generator, labels: IntArray, most: int, *, labelled: bool
) -> npt.NDArray[np.int64]:
    """At most that many rows, those with a label where there are labels; sorted."""
    rows = np.flatnonzero(labels >= 0) if labelled else np.arange(len(labels))
    return np.sort(rng.permutation(rows)[:most])


def _batches(dataset: EvaluationDataset) -> Iterable[Tensors]:
    for start in range(0, len(dataset), _BATCH):
        yield dataset.__getitems__(list(range(start, min(start + _BATCH, len(dataset)))))


def _one_view(views: MakesViews, rows: IntArray, number: int) -> Iterable[Tensors]:
    for start in range(0, len(rows), _BATCH):
        made = finish(views.__getitems__(Batch(0, rows[start : start + _BATCH].tolist())))
        yield {"images": made["views"][number]}
