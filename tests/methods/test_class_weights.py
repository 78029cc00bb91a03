"""Class weights against scikit-learn and the paper's formula."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from dermctl.methods.class_weights import effective_number, inverse_frequency

COUNTS = np.array([1, 10, 500, 3_000])


def test_inverse_frequency_is_scikit_learns() -> None:
    labels = np.repeat(np.arange(4), COUNTS)
    wanted = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    assert inverse_frequency(COUNTS) == pytest.approx(wanted)


def test_effective_number_is_the_papers() -> None:
    found = effective_number(COUNTS, beta=0.99)
    raw = np.array([1 / sum(0.99**power for power in range(n)) for n in COUNTS])
    assert found / found[0] == pytest.approx(raw / raw[0])
    assert (found * COUNTS).sum() == pytest.approx(COUNTS.sum())


def test_effective_number_lies_between_none_and_inverse_frequency() -> None:
    assert effective_number(COUNTS, beta=0.0) == pytest.approx(np.ones(4))
    nearly = effective_number(COUNTS, beta=1 - 1e-9)
    assert nearly == pytest.approx(inverse_frequency(COUNTS), rel=1e-4)


@pytest.mark.parametrize("weights", [inverse_frequency, effective_number])
def test_a_class_without_images_has_no_weight(weights) -> None:
    found = weights(np.array([0, 5, 10]))
    assert found[0] == 0
    assert (found[1:] > 0).all()
