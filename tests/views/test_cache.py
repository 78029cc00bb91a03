"""Decoded images go where they fit, and the choice says its size."""

from __future__ import annotations

import numpy as np
import pytest

from dermctl.errors import UsageFault
from dermctl.views.cache import choose_cache, decoded_bytes, free_device
from dermctl.views.choice import cached, views_dataset
from dermctl.views.presets import SIMCLR
from dermctl.views.resident import ResidentDataset
from tests.views.pictures import stored

GIB = 2**30


def chosen(asked="auto", size=3 * GIB, **there):
    return choose_cache(asked, size, **({"epochs": 10, "ram_free": 64 * GIB} | there))


def test_the_size_is_three_bytes_a_pixel():
    sizes = np.array([(60_000, 50_000)] * 3, np.int32)  # beyond 32 bits
    assert decoded_bytes(sizes) == 3 * 3 * 60_000 * 50_000


def test_auto_takes_the_device_then_ram_then_none():
    assert chosen(device_free=80 * GIB).kind == "device"
    assert chosen(device_free=8 * GIB).kind == "ram"
    assert chosen().kind == "ram"
    assert chosen(ram_free=4 * GIB).kind == "none"
    assert chosen(device_free=80 * GIB, epochs=1).kind == "none"


def test_the_line_to_print_says_size_and_place():
    assert str(chosen()) == "images are kept in RAM: 3.0 GiB decoded, 64.0 GiB free there"
    assert "too much for the 4.0 GiB" in str(chosen(ram_free=4 * GIB))
    assert "300.0 MiB decoded" in str(choose_cache("auto", 300 * 2**20, epochs=2, ram_free=GIB))


def test_what_is_asked_for_is_done_or_refused():
    assert chosen("none").kind == "none"
    assert chosen("ram", ram_free=4 * GIB).kind == "ram"
    assert chosen("device", device_free=4 * GIB).kind == "device"
    with pytest.raises(UsageFault, match="no accelerator"):
        chosen("device")
    with pytest.raises(UsageFault, match=r"3\.0 GiB .* do not fit into the 2\.0 GiB"):
        chosen("ram", ram_free=2 * GIB)
    with pytest.raises(UsageFault, match="auto, device, ram, none"):
        chosen("disk")


def test_what_goes_to_the_device_passes_through_ram():
    assert chosen(device_free=80 * GIB, ram_free=GIB, passing_free=8 * GIB).kind == "device"
    assert chosen(device_free=80 * GIB, ram_free=GIB, passing_free=4 * GIB).kind == "none"
    assert chosen("device", device_free=80 * GIB, passing_free=4 * GIB).kind == "device"
    with pytest.raises(UsageFault, match=r"3\.0 GiB .* pass through RAM .* 2\.0 GiB of it"):
        chosen("device", device_free=80 * GIB, passing_free=2 * GIB)


def test_a_cpu_has_no_memory_of_its_own():
    assert free_device("cpu") is None


@pytest.mark.parametrize("kind", ["none", "ram", "device"])
def test_the_choice_becomes_a_dataset(tmp_path, kind):
    images = stored(tmp_path, [(40, 40)] * 3)
    cache = choose_cache(kind, 1, epochs=2, device_free=GIB, ram_free=GIB)
    dataset = views_dataset(cached(images, cache), SIMCLR, 32, cache=cache, seed=4)
    assert isinstance(dataset, ResidentDataset) == (kind == "device")
    if kind == "ram":
        assert dataset.images.block.is_shared()
    assert (len(dataset), dataset.seed, dataset.count) == (3, 4, 2)
