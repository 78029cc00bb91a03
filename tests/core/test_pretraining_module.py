"""What a pretraining trains, and which images it holds together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dermctl.config.trainings import PretrainConfig
from dermctl.core.pretraining_module import (
    check_batch_norms,
    pretraining_module,
    with_numbers,
    with_partners,
)
from dermctl.core.pretraining_rows import group_numbers, label_numbers, lesion_numbers
from dermctl.datasets.prepared import Split
from dermctl.errors import ConfigError
from dermctl.models.encoder import build_encoder
from dermctl.models.initial import start_encoder
from dermctl.progress import SilentProgress
from dermctl.training import Hardware
from tests.told import Told

ONE, TWO = Hardware("cpu", 1, 1, "fp32"), Hardware("cpu", 2, 1, "fp32")
CONFIG = PretrainConfig(
    encoder="vit_tiny_patch16_224", image_size=32, batch_size=4, projector_hidden=16,
    projector_dim=8,
)  # fmt: skip


def split(
    name: str, *, groups: str, lesions: str, labels: str, label: str = "dx", files: str = ""
) -> Split:
    """A train split of one image a letter; a dot is an unknown value."""
    table = pa.table(
        {
            "group_id": list(groups),
            "lesion_id": [None if each == "." else each for each in lesions],
            "label": [None if each == "." else each for each in labels],
            "sha256": list(files or [f"{name}{row}" for row in range(len(groups))]),
        }
    )
    about = {"name": name, "label": label, "synthetic": False, "size": 32}
    return Split(Path(name), "train", table, about, "0" * 64)


PATIENTS = split("pad", groups="aaab", lesions="xxy.", labels="NNM.")
"""Patient a has two images of lesion x, a naevus, and one of y, a melanoma."""
OTHERS = split("ham", groups="aab", lesions="x.x", labels="MN.")


def same(numbers: np.ndarray) -> list[list[int]]:
    """Which rows share a number."""
    return [np.flatnonzero(numbers == each).tolist() for each in dict.fromkeys(numbers.tolist())]


def test_lesions_not_groups_and_never_across_datasets() -> None:
    both = [PATIENTS, OTHERS]
    assert same(group_numbers(both)) == [[0, 1, 2], [3], [4, 5], [6]]
    assert same(lesion_numbers(both)) == [[0, 1], [2], [3], [4, 6], [5]]


def test_one_file_in_two_datasets_makes_one_group_of_both() -> None:
    one = split("ham", groups="aabc", lesions="xx.y", labels="NNNM", files="abcd")
    other = split("malignancy", groups="pqr", lesions="s.t", labels="BBM", files="bcX")
    assert same(group_numbers([one, other])) == [[0, 1, 4], [2, 5], [3], [6]]
    assert same(lesion_numbers([one, other])) == [[0, 1, 4], [2, 5], [3], [6]]
    assert same(group_numbers([one, one])) == [[0, 1, 4, 5], [2, 6], [3, 7]]


def test_labels_of_one_column_are_one_class_and_unlabelled_images_their_own() -> None:
    assert same(label_numbers([PATIENTS, OTHERS])) == [[0, 1, 5], [2, 4], [3], [6]]
    other = replace(OTHERS, description={**OTHERS.description, "label": "diagnosis"})
    assert same(label_numbers([PATIENTS, other])) == [[0, 1], [2], [3], [4], [5], [6]]


class Views:
    """One view of each row."""

    count, in_process = 1, False

    def __len__(self) -> int:
        return len(PATIENTS)

    def __getitems__(self, batch: Any) -> dict[str, torch.Tensor]:
        return {"views": torch.zeros(1, len(batch.indices), 1, 1, 3)}


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, {"groups": [[0, 1, 2], [3]]}),
        ({"mask_group": False}, {}),
        ({"positives": "lesion"}, {"groups": [[0, 1, 2], [3]]}),
        ({"positives": "lesion", "mask_group": False}, {"groups": [[0, 1], [2], [3]]}),
        ({"method": "supcon"}, {"labels": [[0, 1], [2], [3]], "groups": [[0, 1, 2], [3]]}),
        ({"method": "supcon", "mask_group": False}, {"labels": [[0, 1], [2], [3]]}),
        ({"method": "supcon", "loss": "CircleLoss"}, {"labels": [[0, 1], [2], [3]]}),
        ({"loss": "TripletMarginLoss"}, {}),
    ],
)
def test_what_a_batch_carries(change: dict[str, Any], wanted: dict[str, Any]) -> None:
    numbers = with_numbers(replace(CONFIG, **change), [PATIENTS], Views()).numbers
    assert {name: same(values.numpy()) for name, values in numbers.items()} == wanted


def test_a_naevus_is_no_positive_for_the_same_patients_carcinoma() -> None:
    from dermctl.views.batches import Batch

    pairs = with_partners([PATIENTS], Views(), Views(), seed=0)
    for epoch in range(10):
        assert pairs.partners(Batch(epoch, [0, 1, 2, 3])) == [1, 0, 2, 3]


def build(hardware: Hardware = ONE, told: SilentProgress | None = None, **change: Any) -> nn.Module:
    config = replace(CONFIG, **change)
    start = start_encoder(config.encoder, config.image_size, config.init)
    return pretraining_module(config, start, [PATIENTS], hardware, told or SilentProgress())


def check(hardware: Hardware = ONE, **change: Any) -> None:
    config = replace(CONFIG, **change)
    check_batch_norms(build_encoder(config.encoder, config.image_size), hardware, config)


def test_batch_norm_in_parts_is_refused_unless_asked_for() -> None:
    with pytest.raises(ConfigError, match="resnet10t has batch norm") as caught:
        check(encoder="resnet10t", micro_batch_size=2)
    assert "--allow-inexact" in str(caught.value)
    check(encoder="resnet10t", micro_batch_size=2, allow_inexact=True)
    check(encoder="resnet10t", micro_batch_size=4)  # all of the batch: nothing is in parts
    check(micro_batch_size=2)


@pytest.mark.parametrize(
    ("change", "what", "cure"),
    [
        ({"encoder": "resnet10t"}, "(in the encoder)", "1, or an encoder without batch norm"),
        ({"projector_norm": "batch"}, "(in the projector)", "1, or --projector-norm layer, or"),
        (
            {"encoder": "resnet10t", "projector_norm": "batch"},
            "(in the encoder and projector)",
            "(a ViT, a ConvNeXt) and --projector-norm layer, or --allow-inexact",
        ),
    ],
    ids=["encoder", "projector", "both"],
)
def test_batch_norm_over_processes_wants_gpus(change: dict[str, Any], what: str, cure: str) -> None:
    with pytest.raises(ConfigError, match="SyncBatchNorm, which there is on GPUs only") as caught:
        check(TWO, **change)
    assert what in str(caught.value)
    assert cure in str(caught.value)
    check(TWO, **change, allow_inexact=True)
    check(Hardware("cuda", 2, 1, "fp32"), **change)
    check(TWO)


@pytest.mark.parametrize("encoder", ["resnet10t", "efficientnet_lite0"])
def test_on_gpus_batch_norm_becomes_sync_batch_norm(encoder: str) -> None:
    module = build(Hardware("cuda", 2, 1, "fp32"), encoder=encoder, projector_norm="batch")
    kinds = {type(each) for each in module.modules() if "BatchNorm" in type(each).__name__}
    assert kinds
    assert all(issubclass(kind, nn.SyncBatchNorm) for kind in kinds), kinds
    assert module.encoder.state_dict().keys() == build_encoder(encoder, 32).state_dict().keys()


def test_weights_from_elsewhere_have_seen_who_knows_what(tmp_path: Path) -> None:
    save_file(build_encoder("resnet10t", 32).state_dict(), tmp_path / "w.safetensors")
    assert not build(encoder="resnet10t", init=str(tmp_path / "w.safetensors")).exposure.complete
    assert build(encoder="resnet10t").exposure.complete


def test_a_loss_that_cannot_spare_a_group_says_so() -> None:
    told = Told()
    build(told=told, loss="TripletMarginLoss")
    assert told.said == ["TripletMarginLoss cannot leave images of one group out of the negatives"]
    build(told=told, loss="TripletMarginLoss", mask_group=False)
    build(told=told, method="vicreg")
    assert len(told.said) == 1
    build(told=told, method="supcon")
    assert told.said[-1] == "3 of 4 images have a label; the others are each alone"


def test_how_many_images_have_another_of_their_lesion_is_said() -> None:
    told = Told()
    build(told=told, positives="lesion")
    (said,) = told.said
    assert said.startswith("2 of 4 images share their lesion with another image")
