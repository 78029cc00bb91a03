"""Pairs of one lesion, and the numbers a batch carries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from dermctl.views.batches import Batch
from dermctl.views.packed import Tensors
from dermctl.views.pairs import NumberedViews, PairedViews

LESIONS = np.array([7, 3, 7, 1, 3, 7])
"""Images 0, 2, 5 of one lesion, 1 and 4 of another, 3 alone."""


class Plain:
    """Views that show the number of their image, with ``tag``."""

    in_process = False

    def __init__(self, count: int = 1, tag: int = 0) -> None:
        self.count, self.tag = count, tag

    def __len__(self) -> int:
        return len(LESIONS)

    def __getitems__(self, batch: Batch) -> Tensors:
        shown = torch.tensor([batch.indices] * self.count)
        return {
            "views": shown[..., None, None, None].repeat(1, 1, 2, 2, 3).to(torch.uint8),
            "colour": shown[..., None] + 100.0 * self.tag,
            "index": torch.tensor(batch.indices),
        }


@pytest.fixture
def paired() -> PairedViews:
    return PairedViews(Plain(tag=0), Plain(tag=1), LESIONS, seed=5)


def test_the_other_view_is_of_another_image_of_the_lesion(paired: PairedViews) -> None:
    for epoch in range(20):
        partners = paired.partners(Batch(epoch, list(range(6))))
        for image, partner in enumerate(partners):
            assert LESIONS[image] == LESIONS[partner]
            assert (image == partner) == (image == 3), "only the lesion's one image is its own"


def test_all_other_images_of_a_lesion_come_up_alike(paired: PairedViews) -> None:
    drawn = Counter(paired.partners(Batch(epoch, [0]))[0] for epoch in range(400))
    assert set(drawn) == {2, 5}
    assert 160 < drawn[2] < 240


def test_a_choice_depends_on_seed_epoch_and_image_alone(paired: PairedViews) -> None:
    whole = paired.partners(Batch(3, [0, 1, 2, 3, 4, 5]))
    assert paired.partners(Batch(3, [5, 0])) == [whole[5], whole[0]]
    again = PairedViews(Plain(), Plain(), LESIONS, seed=6)
    assert any(
        again.partners(Batch(e, [0, 2, 5])) != paired.partners(Batch(e, [0, 2, 5]))
        for e in range(10)
    )


def test_a_batch_of_pairs(paired: PairedViews) -> None:
    batch = Batch(0, [4, 3, 0])
    made = paired.__getitems__(batch)
    assert made["views"].shape == (2, 3, 2, 2, 3)
    assert made["views"][0, :, 0, 0, 0].tolist() == [4, 3, 0]
    assert made["views"][1, :, 0, 0, 0].tolist() == paired.partners(batch)
    assert made["index"].tolist() == [4, 3, 0]
    assert (made["colour"][1] >= 100).all(), "the second view is drawn by its own dataset"


def test_numbers_go_with_their_images() -> None:
    numbered = NumberedViews(Plain(count=2), {"groups": LESIONS})
    made = numbered.__getitems__(Batch(0, [5, 1]))
    assert made["groups"].tolist() == [7, 3]
    assert made["groups"].dtype == torch.int64
    assert (numbered.count, len(numbered)) == (2, 6)


def test_what_does_not_fit_is_a_bug() -> None:
    with pytest.raises(ValueError, match="one number an image"):
        NumberedViews(Plain(), {"groups": LESIONS[:3]})
    with pytest.raises(ValueError, match="one view of each kind"):
        PairedViews(Plain(count=2), Plain(), LESIONS)
