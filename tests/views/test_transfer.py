"""Nothing that makes a batch on a GPU waits for it.

Held on a GPU that is pretended: torch's fake tensors run every operation but its arithmetic, and
refuse what would read a value back. Copies to it are looked at one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from dermctl.views.batches import Batch
from dermctl.views.decoded import DecodedImages
from dermctl.views.packed import LabelledDataset
from dermctl.views.pairs import NumberedViews
from dermctl.views.presets import DERM, SIMCLR
from dermctl.views.resident import ResidentDataset
from dermctl.views.transfer import to_device

SIZES = np.array([(128, 96), (96, 96), (96, 131), (200, 96)] * 2)
ALL = Batch(3, list(range(len(SIZES))))
GPU = torch.device("cuda:0")


class Copies(TorchDispatchMode):
    """Notes the copies to the GPU that wait."""

    def __init__(self) -> None:
        super().__init__()
        self.all = self.waiting = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default:
            to = kwargs.get("device")
            if to is not None and torch.device(to).type != args[0].device.type:
                self.all += 1
                self.waiting += not kwargs.get("non_blocking", False)
        return func(*args, **kwargs)


def there(spec: Any, size: int, count: int) -> ResidentDataset:
    pixels = int(SIZES.prod(axis=1).sum())
    block = torch.empty((pixels, 3), dtype=torch.uint8, device=GPU)
    keys = np.arange(len(SIZES), dtype=np.uint64)
    return ResidentDataset(DecodedImages(block, SIZES, keys), spec, size, count=count)


@pytest.mark.parametrize("spec", [SIMCLR, DERM])
@pytest.mark.parametrize("size", [64, 20])
def test_views_on_the_device_are_made_without_waiting(spec: Any, size: int) -> None:
    with FakeTensorMode(allow_non_fake_inputs=True), Copies() as copies:
        views = NumberedViews(there(spec, size, 2), {"groups": np.arange(len(SIZES))})
        made = views.__getitems__(ALL)
    assert made["views"].shape == (2, len(SIZES), size, size, 3)
    assert {value.device for value in made.values()} == {GPU}
    assert copies.all > 8
    assert copies.waiting == 0


def test_labels_and_metadata_go_there_without_waiting() -> None:
    metadata = np.zeros((len(SIZES), 3), np.float32)
    with FakeTensorMode(allow_non_fake_inputs=True), Copies() as copies:
        labelled = LabelledDataset(there(DERM, 32, 1), np.arange(len(SIZES)), metadata)
        made = labelled.__getitems__(ALL)
    assert {value.device for value in made.values()} == {GPU}
    assert copies.waiting == 0


def test_what_waits_is_noticed() -> None:
    with FakeTensorMode(allow_non_fake_inputs=True), Copies() as copies:
        torch.zeros(3).to(GPU)
    assert (copies.all, copies.waiting) == (1, 1)


def test_on_a_cpu_nothing_is_copied() -> None:
    values = torch.arange(3)
    assert to_device(values, torch.device("cpu")) is values
