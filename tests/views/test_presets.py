"""What the presets do to pictures, by the pictures alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from dermctl.config.shared import LABEL_PRESETS, PAIR_PRESETS
from dermctl.datasets.store import Store, StoreWriter
from dermctl.errors import ConfigError
from dermctl.views.batches import Batch
from dermctl.views.images import Part, StoredImages
from dermctl.views.packed import ViewsDataset
from dermctl.views.presets import CLINICAL, PRESETS, SUPERVISED, preset
from tests.views.pictures import encoded

COPIES, SIDE = 400, 32
UPRIGHT, MIRRORED = ("right", "down"), ("left", "down")
"""Where red and green grow."""


@pytest.fixture(scope="module")
def signposts(tmp_path_factory: pytest.TempPathFactory) -> StoredImages:
    """The same picture under many names: red grows to the right, green downwards."""
    grows = np.linspace(40, 200, 64)
    pixels = np.full((64, 64, 3), 120.0)
    pixels[..., 0], pixels[..., 1] = grows[None, :], grows[:, None]
    folder = tmp_path_factory.mktemp("signposts")
    names = [f"copy-{number}" for number in range(COPIES)]
    with StoreWriter(folder) as writer:
        file = encoded(pixels.astype(np.uint8), "PNG")
        places = [writer.add(name, file) for name in names]
    shard, row = np.array(places).T
    return StoredImages(Part(Store(folder), shard, row, names))


def orientations(images: StoredImages, name: str) -> Counter[tuple[str, str]]:
    views = ViewsDataset(images, preset(name), SIDE, count=1)
    made = views.__getitems__(Batch(0, list(range(COPIES))))["views"][0].numpy()
    return Counter((_grows(view[..., 0]), _grows(view[..., 1])) for view in made.astype(float))


def _grows(channel: np.ndarray) -> str:
    half = SIDE // 2
    down = channel[half:].mean() - channel[:half].mean()
    right = channel[:, half:].mean() - channel[:, :half].mean()
    if abs(down) > abs(right):
        return "down" if down > 0 else "up"
    return "right" if right > 0 else "left"


def test_a_photograph_keeps_its_up(signposts: StoredImages) -> None:
    found = orientations(signposts, "clinical")
    assert found.keys() == {UPRIGHT, MIRRORED}
    assert stats.binomtest(found[UPRIGHT], COPIES).pvalue > 0.001


def test_a_lesion_has_no_up(signposts: StoredImages) -> None:
    found = orientations(signposts, "supervised")
    assert len(found) == 8
    assert stats.chisquare(list(found.values())).pvalue > 0.001


def test_clinical_is_supervised_but_for_turns() -> None:
    for name in ("crop_scale", "crop_ratio", "horizontal_flip", "jitter", "brightness", "contrast",
                 "saturation", "hue", "greyscale", "blur"):  # fmt: skip
        assert getattr(CLINICAL, name) == getattr(SUPERVISED, name)


def test_every_preset_is_offered_by_one_command() -> None:
    assert sorted((*PAIR_PRESETS, *LABEL_PRESETS)) == sorted(PRESETS)


def test_an_error_offers_what_fits() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'clinical'.*of: supervised, clinical$"):
        preset("clinicl", LABEL_PRESETS)
