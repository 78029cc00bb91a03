"""Each epoch shows each image once, in batches that do not depend on how many ranks share them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dermctl.errors import DataError, UsageFault
from dermctl.views.batches import EpochBatchSampler


def joined(lists: list[list[int]]) -> list[int]:
    return [index for members in lists for index in members]


def indices(sampler: EpochBatchSampler) -> list[list[int]]:
    return [batch.indices for batch in sampler]


def test_an_epoch_is_numpys_permutation():
    """Runs that were stopped go on in the order that they began with."""
    sampler = EpochBatchSampler(1000, 10, seed=3)
    sampler.set_epoch(2)
    generator = np.random.Generator(np.random.Philox(key=np.array([3, 2], np.uint64)))
    assert joined(indices(sampler)) == generator.permutation(1000).tolist()


@given(n=st.integers(1, 200), batch=st.integers(1, 40), epoch=st.integers(0, 5))
def test_without_dropping_each_image_comes_once(n, batch, epoch):
    sampler = EpochBatchSampler(n, batch, drop_last=False)
    sampler.set_epoch(epoch)
    batches = indices(sampler)
    assert sorted(joined(batches)) == list(range(n))
    assert len(batches) == len(sampler)
    assert all(len(members) == batch for members in batches[:-1])


def test_the_last_batch_is_dropped_where_it_is_not_full():
    batches = indices(EpochBatchSampler(10, 4))
    assert [len(members) for members in batches] == [4, 4]
    assert len(set(joined(batches))) == 8


@given(n=st.integers(1, 60), share=st.integers(1, 4), world=st.integers(1, 5))
def test_unfilled_each_image_comes_once_to_one_rank(n, share, world):
    batch = share * world
    alone = indices(EpochBatchSampler(n, batch, drop_last=False, shuffle=False))
    ranks = [
        EpochBatchSampler(
            n, batch, drop_last=False, shuffle=False, rank=rank, world_size=world, fill=False
        )
        for rank in range(world)
    ]
    shared = [indices(rank) for rank in ranks]
    assert {len(batches) for batches in shared} == {len(rank) for rank in ranks}
    for parts in zip(*shared, strict=True):
        members = alone.pop(0)
        if len(members) >= world:
            assert sorted(joined(parts)) == members
        else:
            assert set(joined(parts)) == set(members), "the only batch there is"
            assert n < batch
        assert all(parts)
    assert not alone or (len(alone) == 1 and len(alone[0]) < world)


@given(n=st.integers(8, 100), share=st.integers(1, 4), world=st.integers(1, 5), drop=st.booleans())
def test_ranks_share_the_batches_of_one(n, share, world, drop):
    batch = share * world
    if drop and n < batch:
        return
    alone = indices(EpochBatchSampler(n, batch, drop_last=drop))
    shared = [
        indices(EpochBatchSampler(n, batch, drop_last=drop, rank=rank, world_size=world))
        for rank in range(world)
    ]
    for step, members in enumerate(alone):
        parts = [rank[step] for rank in shared]
        assert len({len(part) for part in parts}) == 1  # each takes as many: collectives need it
        together = joined(parts)
        assert set(members) <= set(together)
        assert len(together) - len(members) == -len(members) % world


@given(
    n=st.integers(8, 60),
    share=st.integers(1, 4),
    world=st.integers(1, 4),
    position=st.integers(0, 3),
    drawn=st.booleans(),
)
def test_in_training_every_rank_has_as_many_images_at_each_step(n, share, world, position, drawn):
    """What ``dermctl.methods.losses.gather.equal_shares`` rests on."""
    batch = share * world
    assume(batch <= n)
    chances = np.full(n, 1 / n) if drawn else None
    lengths = []
    for rank in range(world):
        sampler = EpochBatchSampler(
            n, batch, drop_last=True, rank=rank, world_size=world, chances=chances
        )
        sampler.load_state_dict({**sampler.state_dict(), "position": min(position, n // batch - 1)})
        lengths.append([len(each.indices) for each in sampler])
    assert lengths[0]
    assert all(each == [share] * len(lengths[0]) for each in lengths)


def test_epochs_are_shuffled_differently_and_reproducibly():
    sampler = EpochBatchSampler(64, 8, seed=3)
    first = indices(sampler)
    sampler.set_epoch(1)
    second = indices(sampler)
    assert first != second
    assert [batch.epoch for batch in sampler] == [1] * 8
    sampler.set_epoch(0)
    assert indices(sampler) == first
    assert indices(EpochBatchSampler(64, 8, seed=4)) != first


def test_shuffling_mixes_the_whole_dataset():
    order = np.array(joined(indices(EpochBatchSampler(10_000, 100))))
    # Of neighbours in a uniform permutation, the mean distance is a third of the length.
    assert np.abs(np.diff(order)).mean() == pytest.approx(10_000 / 3, rel=0.05)


def test_unshuffled_passes_are_alike_in_order_and_epoch():
    sampler = EpochBatchSampler(7, 3, drop_last=False, shuffle=False)
    first = list(sampler)
    sampler.set_epoch(5)
    assert list(sampler) == first
    assert joined(indices(sampler)) == list(range(7))


def test_a_pass_goes_on_where_its_state_was_taken():
    sampler = EpochBatchSampler(40, 4, seed=1)
    sampler.set_epoch(2)
    whole = list(sampler)
    other = EpochBatchSampler(40, 4, seed=1)
    other.load_state_dict({"epoch": 2, "position": 3})
    assert list(other) == whole[3:]
    other.set_epoch(2)  # as Lightning does after loading: must not start over
    assert list(other) == whole[3:]
    other.set_epoch(3)
    assert len(list(other)) == 10


def test_a_batch_that_ranks_cannot_share_is_refused():
    with pytest.raises(UsageFault, match="--batch-size 9"):
        EpochBatchSampler(100, 10, world_size=3)


def test_too_few_images_are_refused():
    with pytest.raises(DataError, match="--batch-size 5 or fewer"):
        EpochBatchSampler(5, 8)
    with pytest.raises(DataError, match="0 images"):
        EpochBatchSampler(0, 8, drop_last=False)
