"""A model over batches: outputs in order, normalised pixels in, probabilities out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from dermctl.inference import probabilities, run_model
from tests.methods.made import about, normalized, pictures, tiny_encoder


class Counting:
    """Counts what is reported."""

    def __init__(self) -> None:
        self.done = 0.0

    def task(self, description: str, total: float | None = None, unit: str = "images") -> Counting:
        self.opened = (description, total, unit)
        return self

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, amount: float = 1) -> None:
        self.done += amount


@pytest.fixture
def images() -> torch.Tensor:
    return pictures(7)


def outputs(model: nn.Module, images: torch.Tensor, batch: int, counting: Counting) -> torch.Tensor:
    batches = ({"images": images[n : n + batch]} for n in range(0, len(images), batch))
    return run_model(
        model, batches, about(), device="cpu", images=len(images), what="look", progress=counting
    )


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_outputs_are_in_order_whatever_the_batch(images: torch.Tensor, batch: int) -> None:
    model, counting = tiny_encoder(), Counting()
    found = outputs(model, images, batch, counting)
    with torch.no_grad():
        assert torch.allclose(found, model(normalized(images)), atol=1e-5)
    assert counting.opened == ("look", 7, "images")
    assert counting.done == 7


def test_the_model_is_in_evaluation_mode(images: torch.Tensor) -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.Flatten())
    found = outputs(model.train(), images, 7, Counting())
    assert torch.allclose(found, normalized(images).flatten(1), atol=1e-5)
    assert not found.requires_grad


class Moved(nn.Sequential):
    """Gets new parameters where it is moved, as on the way to a GPU."""

    def to(self, *_: object, **__: object) -> Moved:
        super().to(torch.float64)
        return super().to(torch.float32)


def test_a_model_that_was_moved_can_still_be_trained(images: torch.Tensor) -> None:
    model = Moved(nn.Flatten(), nn.Linear(images[0].numel(), 2))
    outputs(model, images, 7, Counting())
    model(normalized(images)).sum().backward()
    assert model[1].weight.grad is not None


def test_no_batches_give_no_outputs() -> None:
    assert len(outputs(tiny_encoder(), pictures(0), 4, Counting())) == 0


def test_probabilities_are_a_softmax_that_sums_to_one() -> None:
    logits = torch.tensor([[1000.0, 0.0, -1000.0], [0.1, 0.2, 0.3]])
    found = probabilities(logits)
    assert found.dtype == np.float64
    assert found == pytest.approx(softmax(logits.double().numpy(), axis=1))
    assert found.sum(1) == pytest.approx(np.ones(2), abs=1e-15)
