"""From manifests to batches: the right pixels, labels and order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from dermctl.core.loading import (
    LoaderSettings,
    TrainingData,
    class_numbers,
    evaluation_loader,
    labelled,
    stored_images,
)
from dermctl.datasets.manifest import MANIFEST_VERSION, manifest_schema, write_manifest
from dermctl.datasets.prepared import Split, load_split
from dermctl.datasets.store import StoreWriter
from dermctl.errors import DataError
from dermctl.views.evaluation import EvaluationDataset, EvaluationTransform
from dermctl.views.packed import LabelledDataset, ViewsDataset
from dermctl.views.presets import preset
from tests.made import pixels

SETTINGS = LoaderSettings(batch_size=4, workers=0, seed=0, pin=False)
LABELS = ["b", "a", None, "b", "c", "a", "a"]
SIDE = 16


def split_of(folder: Path, name: str, labels: list[str | None], first: int = 0) -> Split:
    """A dataset of one split: PNGs in a store, so that pixels come back exactly."""
    places = []
    with StoreWriter(folder / "store", shard_images=3) as writer:
        for number in range(len(labels)):
            path = folder / "x.png"
            Image.fromarray(pixels(first + number, SIDE)).save(path)
            places.append(writer.add(f"id-{number}", path.read_bytes()))
    count = len(labels)
    values: dict[str, Any] = {
        "image_id": [f"id-{number}" for number in range(count)],
        "dataset": [name] * count,
        "label": labels,
        "group_id": ["g"] * count,
        "sha256": [""] * count,
        "phash": [0] * count,
        "width": [SIDE] * count,
        "height": [SIDE] * count,
        "shard": [shard for shard, _ in places],
        "row": [row for _, row in places],
    }
    schema = manifest_schema()
    table = pa.table(
        [pa.array(values.get(f.name, [None] * count), f.type) for f in schema], schema=schema
    )
    about = {"manifest_version": MANIFEST_VERSION, "name": name}
    write_manifest(folder / "train.parquet", table, json.loads(json.dumps(about)))
    return load_split(folder, "train")


@pytest.fixture
def split(tmp_path: Path) -> Split:
    return split_of(tmp_path / "one", "one", LABELS)


def test_evaluation_gives_every_image_once_in_order(split: Split) -> None:
    loader = evaluation_loader(stored_images([split]), EvaluationTransform(SIDE, 1.0), SETTINGS)
    batches = list(loader)
    assert [len(batch["images"]) for batch in batches] == [4, 3]
    found = torch.cat([batch["images"] for batch in batches]).numpy()
    wanted = np.stack([pixels(number, SIDE) for number in range(len(LABELS))])
    assert np.array_equal(found, wanted)
    assert torch.cat([batch["index"] for batch in batches]).tolist() == list(range(len(LABELS)))


def test_several_datasets_follow_one_another(split: Split, tmp_path: Path) -> None:
    other = split_of(tmp_path / "two", "two", ["a", "b"], first=50)
    images = stored_images([split, other])
    assert len(images) == 9
    loader = evaluation_loader(images, EvaluationTransform(SIDE, 1.0), SETTINGS)
    found = torch.cat([batch["images"] for batch in loader]).numpy()
    assert np.array_equal(found[7:], np.stack([pixels(50, SIDE), pixels(51, SIDE)]))
    assert len({*images.keys.tolist()}) == 9, "same ids in two datasets are different images"


def test_only_labelled_rows_train_a_classifier(split: Split) -> None:
    kept = labelled(split)
    assert kept.column("image_id") == [f"id-{n}" for n in (0, 1, 3, 4, 5, 6)]
    assert class_numbers(kept, ("a", "b", "c")).tolist() == [1, 0, 1, 2, 0, 0]


def test_labels_that_the_model_does_not_know(split: Split) -> None:
    with pytest.raises(DataError, match="does not know: c") as caught:
        class_numbers(labelled(split), ("a", "b"))
    assert caught.value.where == str(split.folder / "train.parquet")


def test_an_empty_split_and_one_without_labels(split: Split, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train split of 'one' is empty") as caught:
        labelled(split.where([False] * len(LABELS)))
    assert "--val" in str(caught.value)
    bare = split_of(tmp_path / "bare", "bare", [None, None])
    with pytest.raises(DataError, match="no image in the train split of 'bare' has a label"):
        labelled(bare)


def test_training_batches_hold_each_image_with_its_own_label(split: Split) -> None:
    kept = labelled(split)
    numbers = class_numbers(kept, ("a", "b", "c"))
    views = ViewsDataset(stored_images([kept]), preset("supervised"), SIDE, count=1)
    data = TrainingData(LabelledDataset(views, numbers), None, LoaderSettings(3, 0, 0, pin=False))
    batches = list(data.train_dataloader())
    assert [len(batch["labels"]) for batch in batches] == [3, 3]
    index = torch.cat([batch["index"] for batch in batches])
    assert sorted(index.tolist()) == list(range(6))
    assert torch.cat([batch["labels"] for batch in batches]).tolist() == numbers[index].tolist()
    assert data.val_dataloader() == []


def test_training_leaves_the_last_batch_out_and_validation_does_not(split: Split) -> None:
    images = stored_images([split])
    views = ViewsDataset(images, preset("simclr"), SIDE)
    data = TrainingData(views, EvaluationDataset(images, EvaluationTransform(SIDE)), SETTINGS)
    assert len(list(data.train_dataloader())) == 1
    val = data.val_dataloader()
    assert [len(batch["index"]) for batch in val] == [4, 3]  # type: ignore[union-attr]
