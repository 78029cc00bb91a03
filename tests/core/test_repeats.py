"""`finetune` with several seeds, or over folds: runs of their own, their mean and spread."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace

import pytest

from dermctl.config.trainings import FinetuneConfig
from dermctl.core.repeats import is_repeated, repeat
from dermctl.datasets.prepared import load_split
from dermctl.errors import UsageFault
from tests.conftest import TINY, Trained

CONFIG = FinetuneConfig(**TINY, mode="linear", monitor="val/loss")


def test_what_is_repeated() -> None:
    assert not is_repeated(CONFIG)
    assert is_repeated(replace(CONFIG, seeds=2))
    assert is_repeated(replace(CONFIG, folds=3))


def test_each_fold_is_a_run_and_every_image_is_validated_once(trained: Trained) -> None:
    found = repeat(trained.workspace, replace(CONFIG, folds=2, name="cv"))
    assert found.names == ("fold 1", "fold 2")
    assert [run.run.name.split("-", 2)[2] for run in found.trainings] == ["cv-fold1", "cv-fold2"]
    best = [run.best for run in found.trainings]
    assert found.mean == pytest.approx(statistics.mean(best))
    assert found.spread == pytest.approx(statistics.stdev(best))
    folder = trained.workspace.dataset("clinic")
    both = sum(len(load_split(folder, name)) for name in ("train", "val"))
    assert sum(run.images for run in found.trainings) == both  # each image trains one of two
    provenance = json.loads((found.trainings[1].run / "provenance.json").read_text())
    assert provenance["fold"] == "fold 2 of 2"


def test_seeds_differ_and_are_recorded(trained: Trained) -> None:
    config = replace(CONFIG, seeds=2, seed=4, from_checkpoint="none", encoder="resnet10t")
    found = repeat(trained.workspace, config)
    assert found.names == ("seed 4", "seed 5")
    assert found.trainings[0].best != found.trainings[1].best
    document = json.loads(json.dumps(found.to_json()))
    assert [run["name"] for run in document["trainings"]] == ["seed 4", "seed 5"]
    assert document["mean"] == found.mean


def test_one_fold_is_refused(trained: Trained) -> None:
    with pytest.raises(UsageFault, match="one fold is no cross-validation"):
        repeat(trained.workspace, replace(CONFIG, folds=1))
