"""Augmentation by name or file, and the cache, as a training takes them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from dermctl.cli.main import app
from dermctl.config.trainings import PretrainConfig
from dermctl.core import inputs as module
from dermctl.core.inputs import Inputs, settle_inputs
from dermctl.core.loading import LoaderSettings, TrainingData, stored_images
from dermctl.core.pretrain import pretrain
from dermctl.datasets.packing import packed_size, packed_sizes
from dermctl.datasets.prepared import Split, load_split
from dermctl.errors import UsageFault
from dermctl.training.hardware import Hardware
from dermctl.views.batches import Batch
from dermctl.views.cache import decoded_bytes
from dermctl.views.decoded import DecodedImages, decoded_sizes
from dermctl.views.device import finish
from dermctl.views.packed import LabelledDataset, ViewsDataset
from dermctl.views.resident import ResidentDataset
from dermctl.views.slow import SlowViewsDataset
from tests.conftest import TINY, Trained
from tests.told import Told

CPU = Hardware("cpu", 1, 1, "fp32")
GPU = Hardware("cuda", 1, 1, "bf16")
ALL = Batch(3, list(range(18)))
SLOW = "- RandomResizedCrop: {size: 32}\n- RandomHorizontalFlip\n"


@pytest.fixture
def split(trained: Trained) -> Split:
    return load_split(trained.workspace.dataset("clinic"), "train")


def settled(split: Split, cache: str = "none", augmentation: str = "simclr", **change) -> Inputs:
    asked = {"size": 32, "epochs": 2, "workers": 0, "hardware": CPU} | change
    return settle_inputs(augmentation, cache, [split], **asked)


def views_of(inputs: Inputs, split: Split) -> torch.Tensor:
    return inputs.views(inputs.images(stored_images([split])), count=2, seed=1).__getitems__(ALL)[
        "views"
    ]


def test_every_cache_makes_the_same_views(split):
    plain, in_ram, resident = (settled(split, kind) for kind in ("none", "ram", "device"))
    expected = views_of(plain, split)
    assert torch.equal(views_of(in_ram, split), expected)
    difference = (views_of(resident, split).int() - expected.int()).abs()
    assert difference.max() <= 2
    assert [len(inputs.resident) for inputs in (plain, in_ram, resident)] == [0, 0, 1]
    made = resident.views(resident.images(stored_images([split])), count=2, seed=1)
    assert isinstance(made, ResidentDataset)


def test_the_size_is_that_of_the_decoded_images(split):
    told = Told()
    inputs = settled(split, "auto", progress=told)
    assert inputs.cache.kind == "ram"
    assert inputs.cache.size == decoded_bytes(decoded_sizes(stored_images([split])))
    assert told.said == [str(inputs.cache)]


def test_packed_sizes_are_those_of_one_by_one():
    originals = np.random.default_rng(0).integers(1, 700, (500, 2))
    expected = [packed_size(int(w), int(h), 256) for w, h in originals]
    assert packed_sizes(originals, 256).tolist() == [list(size) for size in expected]


def test_without_a_gpu_nothing_is_left_to_it_and_with_one_colour_and_blur_are(split):
    whole, crops = settled(split), replace(settled(split), finish=False)
    batch = crops.views(crops.images(stored_images([split])), count=2, seed=1).__getitems__(ALL)
    assert set(batch) == {"views", "index", "colour", "kernels"}
    data = TrainingData(None, None, LoaderSettings(2, 0, 0, pin=False))
    done = data.on_after_batch_transfer(batch, 0)
    difference = (done["views"].int() - views_of(whole, split).int()).abs()
    assert difference.max() <= 2
    assert (difference > 0).float().mean() < 0.05


def test_one_view_with_its_label_is_finished_too(split):
    labels = np.arange(len(split))
    whole, crops = (
        LabelledDataset(
            inputs.views(inputs.images(stored_images([split])), count=1, seed=1), labels
        )
        for inputs in (settled(split), replace(settled(split), finish=False))
    )
    expected, made = (finish(dataset.__getitems__(ALL)) for dataset in (whole, crops))
    assert set(made) == {"images", "labels", "index"}
    assert torch.equal(made["labels"], expected["labels"])
    assert (made["images"].int() - expected["images"].int()).abs().max() <= 2


def test_a_gpu_is_left_the_colour_and_asked_for_its_memory(split, monkeypatch):
    monkeypatch.setattr(module, "free_device", lambda kind: 2**30 if kind == "cuda" else None)
    inputs = settled(split, "auto", hardware=GPU)
    assert (inputs.cache.kind, inputs.finish) == ("device", False)
    assert settled(split, "none", hardware=GPU).finish is False


def test_little_shared_memory_is_enough_without_loader_processes(split, monkeypatch):
    monkeypatch.setattr(module, "free_shared", lambda: 10)
    assert settled(split, "auto", workers=0).cache.kind == "ram"
    assert settled(split, "auto", workers=2).cache.kind == "none"
    assert "of free shared memory" in settled(split, "auto", workers=2).cache.reason
    with pytest.raises(UsageFault, match=r"do not fit .* of shared memory .* --workers 0"):
        settled(split, "ram", workers=2)


def test_images_lie_in_shared_memory_only_for_loader_processes(split, monkeypatch):
    stored = stored_images([split])
    for workers in (0, 1):
        images = settled(split, "ram", workers=workers).images(stored)
        assert images.block.is_shared() == (workers > 0)


def test_batches_on_their_way_leave_the_less_for_images(split, monkeypatch):
    size = settled(split).cache.size
    monkeypatch.setattr(module, "free_shared", lambda: 3 * size)
    assert settled(split, "auto", workers=1, shared=size).cache.kind == "ram"
    assert settled(split, "auto", workers=1, shared=2 * size).cache.kind == "none"
    monkeypatch.setattr(module, "free_shared", lambda: None)  # no file system for it
    assert settled(split, "auto", workers=1, shared=2 * size).cache.kind == "ram"


def test_images_for_the_device_pass_through_what_ram_each_process_has(split, monkeypatch):
    size = settled(split).cache.size
    monkeypatch.setattr(module, "free_device", lambda _: 2**40)
    monkeypatch.setattr(module, "free_shared", lambda: 10)
    monkeypatch.setattr(module, "free_ram", lambda: 3 * size)
    assert settled(split, "auto", workers=2, hardware=GPU).cache.kind == "device"
    two = replace(GPU, devices=2)
    assert settled(split, "auto", workers=2, hardware=two).cache.kind == "none"
    assert settled(split, "device", hardware=two).cache.kind == "device"
    with pytest.raises(UsageFault, match="pass through RAM"):
        settled(split, "device", hardware=replace(GPU, devices=4))


def test_other_ranks_keep_images_where_the_first_does(split, monkeypatch):
    size = settled(split).cache.size
    monkeypatch.setattr(module, "free_ram", lambda: 3 * size)
    assert settled(split, "auto").cache.kind == "ram"
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(module, "free_ram", lambda: size)  # rank 0's images lie there now
    assert settled(split, "auto").cache.kind == "ram"
    monkeypatch.delenv("DERMCTL_RUN_CACHE")  # started by something else than rank 0
    assert settled(split, "auto").cache.kind == "none"


def test_processes_share_the_memory_out(split, monkeypatch):
    size = settled(split).cache.size
    monkeypatch.setattr(module, "free_ram", lambda: 3 * size)
    assert settled(split, "auto").cache.kind == "ram"
    assert settled(split, "auto", hardware=replace(CPU, devices=2)).cache.kind == "none"


def test_a_list_of_transforms_takes_the_slow_path(split, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(SLOW)
    inputs = settled(split, "ram", str(file))
    images = inputs.images(stored_images([split]))
    assert isinstance(images, DecodedImages)
    assert isinstance(inputs.views(images, count=2, seed=0), SlowViewsDataset)
    assert inputs.to_json()["augmentation"][1] == "RandomHorizontalFlip"
    with pytest.raises(UsageFault, match="runs on the CPU"):
        settled(split, "device", str(file))


def test_settings_of_a_file_are_kept_with_the_run(split, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("preset: derm\ngreyscale: 0\n")
    inputs = settled(split, "none", str(file))
    assert isinstance(
        inputs.views(inputs.images(stored_images([split])), count=2, seed=0), ViewsDataset
    )
    assert inputs.to_json()["augmentation"]["greyscale"] == 0
    assert inputs.to_json()["augmentation"]["vertical_flip"] == 0.5


def test_images_larger_than_the_store_are_warned_of(split):
    told = Told()
    val = load_split(split.folder, "val")
    settle_inputs(
        "simclr", "none", [split, val], size=48, epochs=2, workers=0, hardware=CPU, progress=told
    )
    assert told.said[1:] == [  # once a dataset
        "warning: 'clinic' is packed at 32 px, and 48 px are enlarged from it: "
        "dermctl data prepare csv … --name clinic --size 48"
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="kernels hold on a GPU")
def test_kernels_that_fail_leave_views_to_plain_torch_and_it_is_said(split, monkeypatch):
    monkeypatch.setattr(module, "free_device", lambda _: None)
    told = Told()
    inputs = settled(split, hardware=GPU, compiled=True, progress=told)
    assert not inputs.fused
    assert len([line for line in told.said if "the kernels fail here (" in line]) == 1


@pytest.mark.parametrize(
    ("change", "fused"),
    [
        ({"hardware": GPU, "compiled": True}, True),
        ({"hardware": GPU, "compiled": False}, False),
        ({"hardware": CPU, "compiled": True}, False),
    ],
)
def test_a_gpu_makes_views_by_kernels_where_it_may_compile(split, monkeypatch, change, fused):
    monkeypatch.setattr(module, "fault_of_kernels", lambda *_: None)
    monkeypatch.setattr(module, "free_device", lambda _: None)
    told = Told()
    inputs = settled(split, progress=told, **change)
    assert inputs.fused == fused
    assert len(told.said) == 1  # the cache


def test_a_list_of_transforms_needs_no_kernels(split, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "fault_of_kernels", lambda *_: pytest.fail("looked at"))
    monkeypatch.setattr(module, "free_device", lambda _: None)
    file = tmp_path / "slow.yaml"
    file.write_text(SLOW)
    assert not settled(split, "none", str(file), hardware=GPU, compiled=True).fused


def test_pretraining_from_the_device_comes_to_the_same_loss(trained, tmp_path):
    workspace = _copy(trained, tmp_path)
    config = PretrainConfig(
        encoder="vit_tiny_patch16_224",
        projector_hidden=32,
        projector_dim=16,
        probe_every=0,
        **TINY,
    )
    plain, resident = (
        pretrain(workspace, replace(config, cache=kind)) for kind in ("none", "device")
    )
    assert resident.val_loss == pytest.approx(plain.val_loss, rel=0.02)
    assert resident.train_loss == pytest.approx(plain.train_loss, rel=0.02)


def _copy(trained: Trained, folder: Path):
    from dermctl.workspace import Workspace

    shutil.copytree(trained.workspace.data, folder / "data")
    return Workspace(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- RandomHorizontalFlip\n- RandomRotatoin: {degrees: 5}\n", "mine.yaml, item 2"),
        ("- GaussianBlur: {kernel: 3}\n", "GaussianBlur cannot be made"),
        ("hue: [1, 2]\n", "hue must be a number"),
        ("preset: dern\n", "did you mean 'derm'"),
        ("[", "is no YAML"),
        ("[]", "is empty"),
        ("- CenterCrop: {size: 32}\n- Grayscale\n", "mine.yaml]. Keep three channels"),
    ],
)
def test_a_bad_file_is_one_line_with_its_name(trained, tmp_path, text, said):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    runs = trained.workspace.run_folders()
    words = [
        "--workspace", str(trained.workspace.root), "pretrain", "--accelerator", "cpu",
        "--image-size", "32", "--batch-size", "8", "--encoder", "vit_tiny_patch16_224",
        "--set", f"augmentation={file}",
    ]  # fmt: skip
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert str(file) in last
    assert trained.workspace.run_folders() == runs
