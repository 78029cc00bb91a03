"""Predictions that the tests of this folder share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

Arrays = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]


def make_predictions(
    images: int = 300, classes: int = 3, *, seed: int = 0, levels: int | None = None
) -> Arrays:
    """Labels [n] and probabilities [n, C] of a fair model; few `levels` make many ties."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    logits = rng.normal(size=(images, classes)) + 1.5 * np.eye(classes)[labels]
    if levels is not None:
        logits = np.round(logits * levels / 4) * 4 / levels
    odds = np.exp(logits)
    return labels, odds / odds.sum(axis=1, keepdims=True)


@st.composite
def small_predictions(draw: st.DrawFn, min_images: int = 1) -> Arrays:
    """A few images, 2 to 4 classes, coarse probabilities (so that ties are common)."""
    images = draw(st.integers(min_images, 12))
    classes = draw(st.integers(2, 4))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=images, max_size=images))
    cells = st.lists(st.integers(1, 4), min_size=images * classes, max_size=images * classes)
    odds = np.array(draw(cells), dtype=np.float64).reshape(images, classes)
    return np.array(labels, dtype=np.int64), odds / odds.sum(axis=1, keepdims=True)
