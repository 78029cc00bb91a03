"""Probes are fitted on train and scored on validation; without labels, measures remain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dermctl.checkpoint import read_checkpoint
from dermctl.core.loading import stored_images
from dermctl.core.transform import transform_of
from dermctl.core.watching import Watch
from dermctl.datasets.prepared import Split, load_split
from dermctl.models.restore import restore_encoder
from dermctl.progress import SILENT
from dermctl.views.evaluation import EvaluationDataset
from dermctl.views.normalization import to_float
from tests.conftest import Trained
from tests.told import Told


class Seen:
    """A small trained encoder and the images it is looked at with."""

    def __init__(self, trained: Trained) -> None:
        read = read_checkpoint(trained.pretrained.checkpoint)
        self.read, self.about, self.encoder = read, read.about, restore_encoder(read)
        folder = trained.workspace.dataset("clinic")
        self.train, self.val = load_split(folder, "train"), load_split(folder, "val")

    def watch(self, train: Split, val: Split, progress: Any = SILENT) -> Watch:
        return Watch([train], [val], None, self.about, every=1, progress=progress)

    def embeddings(self, split: Split) -> np.ndarray:
        dataset = EvaluationDataset(stored_images([split]), transform_of(self.about))
        pixels = dataset.__getitems__(list(range(len(split))))["images"]
        with torch.no_grad():
            found = self.encoder.eval()(to_float(pixels, self.about.mean, self.about.std))
        return np.asarray(found.double().numpy())


@pytest.fixture(scope="module")
def seen(trained: Trained) -> Seen:
    return Seen(trained)


def test_the_probes_are_scikit_learns(seen: Seen) -> None:
    seen.encoder.train()
    values = seen.watch(seen.train, seen.val).measure(seen.encoder, "cpu")
    assert seen.encoder.training, "the mode is as before"
    train, val = seen.embeddings(seen.train), seen.embeddings(seen.val)
    labels, wanted = seen.train.column("label"), seen.val.column("label")
    ridge = make_pipeline(StandardScaler(), RidgeClassifier(class_weight="balanced"))
    votes = KNeighborsClassifier(
        n_neighbors=min(20, len(train)),
        metric="cosine",
        weights=lambda distance: np.exp((1 - distance) / 0.07),
    )
    for name, peer in (("probe/ridge", ridge), ("probe/knn", votes)):
        found = peer.fit(train, labels).predict(val)
        assert values[name] == pytest.approx(balanced_accuracy_score(wanted, found)), name


def test_without_labels_the_measures_remain(seen: Seen) -> None:
    train, val = (unlabelled(split) for split in (seen.train, seen.val))
    watch = seen.watch(train, val)
    assert not watch.labelled
    values = watch.measure(seen.encoder, "cpu")
    assert set(values) == {"probe/uniformity", "probe/effective_rank", "probe/feature_std"}


def unlabelled(split: Split) -> Split:
    from dataclasses import replace

    import pyarrow as pa

    place = split.table.schema.get_field_index("label")
    field = split.table.schema.field(place)
    table = split.table.set_column(place, field, pa.nulls(len(split), field.type))
    return replace(split, table=table)


def test_a_look_compiles_nothing(seen: Seen) -> None:
    compiled = []

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        compiled.append(graph)
        return graph

    watch = seen.watch(seen.train, seen.val)
    plain = watch.measure(seen.encoder, "cpu")
    encoder = restore_encoder(seen.read)
    encoder.compile(backend=backend)
    assert watch.measure(encoder, "cpu") == plain
    assert not compiled
    size = seen.about.image_size
    encoder(torch.zeros(1, 3, size, size))
    assert compiled


def test_a_collapse_is_warned_of_once(seen: Seen) -> None:
    told = Told()
    watch = seen.watch(seen.train, seen.val, told)
    collapsed = {"probe/effective_rank": 1.0, "probe/feature_std": 0.0}
    watch._warn(collapsed, 192, epoch=1)
    assert told.said == [], "at first an encoder at random looks so too"
    watch._warn({"probe/effective_rank": 40.0, "probe/feature_std": 0.6}, 192, epoch=2)
    assert told.said == []
    watch._warn(collapsed, 192, epoch=2)
    watch._warn(collapsed, 192, epoch=3)
    assert len(told.said) == 1
    assert "collapsing" in told.said[0]
