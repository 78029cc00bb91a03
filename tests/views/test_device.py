"""The device path agrees with the CPU path: to the bit in the crops, to a grey level in the end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dermctl.views.batches import Batch
from dermctl.views.decoded import DecodedImages, decode_all, decoded_sizes
from dermctl.views.device import finish, finish_views
from dermctl.views.loader import BatchLoader
from dermctl.views.packed import LabelledDataset, ViewsDataset
from dermctl.views.presets import DERM, SIMCLR
from dermctl.views.resident import ResidentDataset
from dermctl.views.spec import AugmentationSpec
from tests.views.pictures import stored

SIZES = [(128, 96), (96, 96), (96, 131), (200, 96)] * 4
ALL = Batch(3, list(range(len(SIZES))))
CROPS_ONLY = AugmentationSpec(vertical_flip=0.5, quarter_turn=0.5, jitter=0, greyscale=0, blur=0)
TOLERANCE = 2


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("store"), SIZES)


@pytest.fixture(scope="module")
def decoded(images) -> DecodedImages:
    return decode_all(images, threads=2)


def apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one.int() - other.int()).abs()


@pytest.mark.parametrize("spec", [SIMCLR, DERM])
def test_finishing_on_the_device_agrees_with_the_cpu(images, spec):
    on_cpu = ViewsDataset(images, spec, 64).__getitems__(ALL)
    crops = ViewsDataset(images, spec, 64, finish=False).__getitems__(ALL)
    assert (apart(crops["views"], on_cpu["views"]) > TOLERANCE).float().mean() > 0.3
    done = finish(crops)
    assert set(done) == {"views", "index"}
    assert apart(done["views"], on_cpu["views"]).max() <= TOLERANCE


def test_a_finished_batch_is_left_alone(images):
    batch = ViewsDataset(images, SIMCLR, 64).__getitems__(Batch(0, [0]))
    assert finish(batch) is batch


def test_autocast_changes_nothing(images):
    crops = ViewsDataset(images, SIMCLR, 64, finish=False).__getitems__(ALL)
    plain = finish(crops)["views"]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(finish(crops)["views"], plain)


def test_many_views_are_finished_piece_by_piece(images):
    batch = ViewsDataset(images, SIMCLR, 16, finish=False, count=10).__getitems__(ALL)
    views, colour, kernels = (batch[name].flatten(0, 1) for name in ("views", "colour", "kernels"))
    assert len(views) > 128
    whole = finish_views(views, colour, kernels)
    for some in (slice(0, 3), slice(127, 130), slice(157, 160)):
        assert torch.equal(finish_views(views[some], colour[some], kernels[some]), whole[some])


# 64: hardly any reduction; 40: three taps first; 20: averaged first.
@pytest.mark.parametrize("size", [64, 40, 20])
def test_resident_crops_are_the_cpus_to_the_bit(decoded, size):
    on_cpu = ViewsDataset(decoded, CROPS_ONLY, size).__getitems__(ALL)["views"]
    resident = ResidentDataset(decoded, CROPS_ONLY, size).__getitems__(ALL)["views"]
    # OpenCV's own arithmetic differs from processor to processor by a rounding.
    assert apart(resident, on_cpu).max() <= 1
    assert (apart(resident, on_cpu) > 0).float().mean() < 0.01


@pytest.mark.parametrize("size", [64, 40, 16])
def test_resident_views_agree_with_the_cpu(images, decoded, size):
    on_cpu = ViewsDataset(decoded, DERM, size).__getitems__(ALL)
    resident = ResidentDataset(decoded, DERM, size).__getitems__(ALL)
    assert torch.equal(resident["index"], on_cpu["index"])
    assert apart(resident["views"], on_cpu["views"]).max() <= TOLERANCE
    from_store = ViewsDataset(images, DERM, size).__getitems__(ALL)
    assert torch.equal(from_store["views"], on_cpu["views"])  # none of a JPEG at a fraction


def test_decoding_all_keeps_every_pixel(images, decoded):
    assert decoded_sizes(images).tolist() == [list(size) for size in SIZES]
    for index in range(len(SIZES)):
        assert np.array_equal(decoded.open(index).pixels(), images.open(index).pixels())
    assert np.array_equal(decoded.keys, images.keys)


def test_shared_pixels_serve_loader_processes(images, decoded):
    from dermctl.views.batches import EpochBatchSampler

    alone = ViewsDataset(decoded, SIMCLR, 32)
    shared = ViewsDataset(decode_all(images, shared=True), SIMCLR, 32)
    loader = BatchLoader(shared, EpochBatchSampler(len(SIZES), 8), workers=1)
    for batch in loader:
        indices = Batch(0, batch["index"].tolist())
        assert torch.equal(batch["views"], alone.__getitems__(indices)["views"])


def test_resident_batches_are_made_in_the_trainings_process(decoded):
    from dermctl.views.batches import EpochBatchSampler

    views = ResidentDataset(decoded, DERM, 32, count=1)
    labelled = LabelledDataset(views, np.arange(len(SIZES)))
    loader = BatchLoader(labelled, EpochBatchSampler(len(SIZES), 8), workers=2, pin_memory=True)
    assert loader.num_workers == 0
    for batch in loader:
        assert torch.equal(batch["labels"], batch["index"])


@pytest.mark.gpu
def test_a_gpu_makes_the_same_views(decoded):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    here = ResidentDataset(decoded, DERM, 64).__getitems__(ALL)["views"]
    there = ResidentDataset(decoded.to(torch.device("cuda")), DERM, 64).__getitems__(ALL)["views"]
    assert apart(here, there.cpu()).max() <= 1
