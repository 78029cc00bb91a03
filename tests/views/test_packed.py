"""Batches hold what the CPU path makes of each image, whoever makes them and wherever."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from dermctl.datasets.store import Store, StoreWriter
from dermctl.errors import DataError
from dermctl.views.batches import Batch, EpochBatchSampler
from dermctl.views.cpu import make_view
from dermctl.views.evaluation import EvaluationDataset, EvaluationTransform
from dermctl.views.images import EncodedFiles, Part, StoredImages
from dermctl.views.loader import BatchLoader
from dermctl.views.packed import LabelledDataset, ViewsDataset
from dermctl.views.parameters import sample
from dermctl.views.presets import DERM, SIMCLR, SUPERVISED
from tests.views.pictures import encoded, picture, stored

SIZES = [(90, 70), (70, 90), (80, 80), (100, 64)] * 3


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> StoredImages:
    return stored(tmp_path_factory.mktemp("store"), SIZES)


def test_a_batch_is_what_its_parameters_say(images):
    batch = ViewsDataset(images, DERM, 32, seed=5).__getitems__(Batch(2, [7, 0, 3]))
    sizes = np.array([SIZES[index] for index in (7, 0, 3)])
    views = sample(DERM, sizes, images.keys[[7, 0, 3]], seed=5, epoch=2).views(DERM, 32)
    assert batch["index"].tolist() == [7, 0, 3]
    assert batch["views"].shape == (2, 3, 32, 32, 3)
    for place, index in enumerate((7, 0, 3)):
        pixels = images.open(index).pixels()
        for number in range(2):
            expected = make_view(pixels, views[3 * number + place], 32)
            assert np.array_equal(batch["views"][number, place], expected)


def test_a_view_depends_on_its_image_seed_and_epoch_only(images):
    dataset = ViewsDataset(images, SIMCLR, 32)
    alone = dataset.__getitems__(Batch(1, [4]))["views"][:, 0]
    among = dataset.__getitems__(Batch(1, [9, 4, 2]))["views"][:, 1]
    assert torch.equal(alone, among)
    assert not torch.equal(alone, dataset.__getitems__(Batch(2, [4]))["views"][:, 0])
    assert not torch.equal(alone[0], alone[1])
    other = ViewsDataset(images, SIMCLR, 32, seed=1).__getitems__(Batch(1, [4]))
    assert not torch.equal(alone, other["views"][:, 0])


def test_the_number_of_loader_processes_changes_nothing(images):
    passes = []
    for workers in (0, 2):
        sampler = EpochBatchSampler(len(images), 4, seed=2)
        loader = BatchLoader(ViewsDataset(images, SIMCLR, 32), sampler, workers=workers)
        for epoch in (0, 1):
            sampler.set_epoch(epoch)
            passes.append(list(loader))
    for alone, shared in zip(passes[0] + passes[1], passes[2] + passes[3], strict=True):
        assert torch.equal(alone["index"], shared["index"])
        assert torch.equal(alone["views"], shared["views"])


def test_an_epochless_index_is_refused(images):
    with pytest.raises(AttributeError):
        ViewsDataset(images, SIMCLR, 32).__getitems__([0, 1])


def test_labels_stay_with_their_images(images):
    labels = np.arange(len(images)) % 5
    dataset = LabelledDataset(ViewsDataset(images, SUPERVISED, 32, count=1), labels)
    batch = dataset.__getitems__(Batch(0, [11, 2, 6]))
    assert batch["labels"].tolist() == [1, 2, 1]
    assert batch["images"].shape == (3, 32, 32, 3)
    with pytest.raises(ValueError, match="one view and one label"):
        LabelledDataset(ViewsDataset(images, SUPERVISED, 32), labels)


def test_several_stores_are_numbered_through(tmp_path):
    first = stored(tmp_path / "a", [(40, 40), (41, 40)])
    with StoreWriter(tmp_path / "b") as writer:
        writer.add("other", encoded(picture(50, 40)))
    parts = [
        Part(Store(tmp_path / "a"), np.array([0, 0]), np.array([1, 0]), ["a1", "a0"]),
        Part(Store(tmp_path / "b"), np.array([0]), np.array([0]), ["b0"]),
    ]
    both = pickle.loads(pickle.dumps(StoredImages(*parts)))
    assert [both.open(index).width for index in range(3)] == [41, 40, 50]
    assert "b" in both.place(2)
    assert len(first) + 1 == len(both)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_image_is_named_whoever_meets_it(tmp_path, workers):
    with StoreWriter(tmp_path) as writer:
        writer.add("good", encoded(picture(40, 40)))
        writer.add("bad", encoded(picture(40, 40))[:300])
    rows = np.arange(2)
    images = StoredImages(Part(Store(tmp_path), np.zeros(2, int), rows, ["good", "bad"]))
    loader = BatchLoader(ViewsDataset(images, SIMCLR, 32), EpochBatchSampler(2, 2), workers=workers)
    with pytest.raises(
        DataError, match=r"cannot be read.*shard-00000.arrow, row 1 \(bad\)"
    ) as raised:
        list(loader)
    assert "Traceback" not in str(raised.value)


def test_files_of_any_kind_can_be_read_too(tmp_path):
    paths = [tmp_path / "one.png", tmp_path / "two.jpg"]
    paths[0].write_bytes(encoded(picture(50, 40), "PNG"))
    paths[1].write_bytes(encoded(picture(900, 700)))
    batch = ViewsDataset(EncodedFiles(paths), SIMCLR, 32).__getitems__(Batch(0, [0, 1]))
    assert batch["views"].float().std(dim=(2, 3, 4)).min() > 0


def test_evaluation_needs_no_epoch_and_no_labels(images):
    transform = EvaluationTransform(32)
    batch = EvaluationDataset(images, transform).__getitems__([5, 1])
    assert set(batch) == {"images", "index"}
    expected = transform(images.open(5).pixels(exact=True))
    assert np.array_equal(batch["images"][0], expected)
    labelled = EvaluationDataset(images, transform, np.arange(len(images)))
    assert labelled.__getitems__(Batch(3, [5, 1]))["labels"].tolist() == [5, 1]
