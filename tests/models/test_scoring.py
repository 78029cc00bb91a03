"""The classifier as it is evaluated: embeddings beside logits, and the mean over 8 views."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from dermctl.models.restore import ImageClassifier
from dermctl.models.scoring import VIEWS, Scoring, orientations


def tiny() -> ImageClassifier:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 4, 5), nn.Tanh())
    return ImageClassifier(encoder, nn.Linear(5, 3)).eval()


def test_embeddings_and_logits_are_the_models() -> None:
    model, images = tiny(), torch.randn(2, 3, 4, 4)
    found = Scoring(model)(images)
    assert torch.equal(found[:, :5], model.encoder(images))
    assert torch.equal(found[:, 5:], model(images))


def test_orientations_are_numpys_and_all_differ() -> None:
    image = np.arange(9.0).reshape(3, 3)
    found = orientations(torch.tensor(image)[None, None])
    turned = [np.rot90(image, quarter) for quarter in range(4)]
    for ours, expected in zip(found, [*turned, *map(np.fliplr, turned)], strict=True):
        np.testing.assert_array_equal(ours[0, 0].numpy(), expected)
    assert len({tuple(each.flatten().tolist()) for each in found}) == VIEWS


def test_views_are_averaged_as_probabilities() -> None:
    model, images = tiny(), torch.randn(2, 3, 4, 4)
    found = Scoring(model, tta=True)(images)
    expected = torch.stack([model(view).softmax(1) for view in orientations(images)]).mean(0)
    torch.testing.assert_close(found[:, 5:].softmax(1), expected)
    assert torch.equal(found[:, :5], model.encoder(images)), "the embedding is the image's own"
