"""What a checkpoint records of the images it has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dermctl.checkpoint import read_checkpoint, save_checkpoint
from dermctl.datasets.fingerprints import COLUMNS, UNKNOWN_ID, Fingerprints, keyed_hashes
from dermctl.exposure import Exposure
from tests.test_checkpoint import ABOUT

MILLION = 1_000_000


def made(images: int, *, seed: int = 0, complete: bool = True) -> Exposure:
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 2**64, (images, len(COLUMNS)), np.uint64)
    return Exposure(Fingerprints(values), generator.random(images) < 0.8, complete)


def rows(exposure: Exposure) -> dict[tuple[int, ...], bool]:
    values = map(tuple, exposure.images.values.tolist())
    return dict(zip(values, exposure.trained.tolist(), strict=True))


def test_a_million_images_take_less_than_50_mb(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    save_checkpoint(path, ABOUT, {}, made(MILLION))
    assert path.stat().st_size < 50e6
    assert len(read_checkpoint(path).exposure) == MILLION


def test_it_comes_back_as_it_was_without_unpickling(tmp_path: Path) -> None:
    path, exposure = tmp_path / "x.ckpt", made(100)
    save_checkpoint(path, ABOUT, {}, exposure)
    assert torch.load(path, weights_only=True)["dermctl_exposure"]["images"].dtype == torch.int64
    found = read_checkpoint(path).exposure
    assert (found.images.values == exposure.images.values).all()
    assert (found.trained == exposure.trained).all()
    assert found.complete


def test_weights_without_a_record_are_of_unknown_exposure(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "x.ckpt", ABOUT, {})
    found = read_checkpoint(tmp_path / "x.ckpt").exposure
    assert (len(found), found.complete) == (0, False)
    assert not made(3).merged(found).complete


def test_merged_each_image_stands_once_and_trained_on_wins() -> None:
    one, two = made(50, seed=1), made(50, seed=2)
    shared = Exposure(one.images, ~one.trained, True)
    merged = one.merged(two).merged(shared)
    assert rows(merged) == {**rows(two), **dict.fromkeys(rows(one), True)}
    assert len(merged) == 100
    assert len(one.only_trained()) == int(one.trained.sum())


def test_nothing_and_nothing_is_nothing() -> None:
    both = Exposure.nothing().merged(Exposure.of([], []))
    assert (len(both), both.complete) == (0, True)


def test_tensors_of_another_shape_are_refused() -> None:
    plain = made(4).to_plain()
    with pytest.raises(ValueError, match="shape"):
        Exposure.from_plain({**plain, "trained": plain["trained"][:2]})


def test_a_record_without_image_ids_is_read() -> None:
    exposure = made(5)
    plain = exposure.to_plain()
    found = Exposure.from_plain({**plain, "images": plain["images"][:, :4].clone()})
    assert (found.images.values[:, :4] == exposure.images.values[:, :4]).all()
    assert (found.images.column("image") == UNKNOWN_ID).all()


def test_what_is_merged_with_the_unknown_stays_unknown() -> None:
    """Also over several fine-tunings."""
    foreign = Exposure.unknown()
    tuned = made(5, seed=1).merged(foreign)
    again = made(5, seed=2).merged(tuned)
    assert [each.state for each in (made(5), foreign, tuned, again)] == ["known"] + ["unknown"] * 3
    assert str(again).startswith("unknown; recorded: ")
    trained = int(again.trained.sum())
    counts = {"trained_on": trained, "selected_on": 10 - trained}
    assert again.to_json() == {"state": "unknown", **counts}


def test_hashes_of_many_ids_do_not_meet() -> None:
    """Expected are 3e-8 that meet, see the module."""
    hashes = keyed_hashes([f"P{number}" for number in range(MILLION // 5)], "patient", "isic")
    assert len(np.unique(hashes)) == MILLION // 5
