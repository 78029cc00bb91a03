"""Random numbers depend on seed, epoch, image and view, and on nothing else."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import stats

from dermctl.views.draws import image_keys, uniforms

KEYS = image_keys([f"image-{number}" for number in range(200)])


def drawn(keys=KEYS, *, seed=7, epoch=3, views=2, count=10):
    return uniforms(keys, seed=seed, epoch=epoch, views=views, count=count)


def test_a_key_is_the_hash_of_the_identifier():
    digest = hashlib.blake2b(b"image-5", digest_size=8).digest()
    assert int(KEYS[5]) == int.from_bytes(digest, "little")
    assert len(set(KEYS.tolist())) == 200


def test_the_numbers_are_philoxes():
    own = np.random.Philox(
        key=np.array([KEYS[3], 7], np.uint64), counter=np.array([0, 0, 3, 0], np.uint64)
    )
    expected = np.random.Generator(own).random(24)  # ten numbers a view take twelve words
    assert drawn()[0, 3].tolist() == expected[:10].tolist()
    assert drawn()[1, 3].tolist() == expected[12:22].tolist()


def test_an_images_numbers_do_not_depend_on_its_batch():
    assert np.array_equal(drawn()[:, 50:60], drawn(KEYS[50:60]))
    assert np.array_equal(drawn()[:, ::-1], drawn(KEYS[::-1]))


def test_a_views_numbers_do_not_depend_on_how_many_views_there_are():
    assert np.array_equal(drawn()[0], drawn(views=1)[0])


@pytest.mark.parametrize("other", [{"seed": 8}, {"epoch": 4}])
def test_seed_and_epoch_matter(other):
    assert not np.intersect1d(drawn(), drawn(**other)).size


def test_views_and_images_differ():
    assert len(np.unique(drawn())) == drawn().size


def test_negative_and_huge_seeds_are_seeds_too():
    assert not np.intersect1d(drawn(seed=-1), drawn(seed=2**63)).size


def test_the_numbers_are_uniform():
    numbers = drawn(count=40)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(numbers[0].ravel(), numbers[1].ravel())[0, 1]) < 0.03


def test_no_images_no_numbers():
    assert drawn(KEYS[:0]).shape == (2, 0, 10)
