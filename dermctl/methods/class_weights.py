"""Weights that make up for classes of unequal size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

BETA = 0.999
"""Of the effective number: the paper tries 0.9 to 0.9999; it fits sets of some thousand images."""


def inverse_frequency(counts: npt.NDArray[np.integer]) -> FloatArray:
    """Class weights n / (C · n_c), float64 [C]: every class weighs the same in all.

    As scikit-learn's ``class_weight="balanced"``; a class without images gets 0.
    """
    return _scaled(1.0 / np.maximum(counts, 1), counts)


def effective_number(counts: npt.NDArray[np.integer], beta: float = BETA) -> FloatArray:
    """Class weights (1 - β) / (1 - β^n_c), scaled as :func:`inverse_frequency` is, float64 [C].

    Cui et al. 2019 (arXiv 1901.05555), equation 2: between no weights (β = 0) and inverse
    frequency (β → 1). A class without images gets 0.
    """
    return _scaled((1.0 - beta) / (1.0 - beta ** np.maximum(counts, 1)), counts)


def _scaled(weights: FloatArray, counts: npt.NDArray[np.integer]) -> FloatArray:
    """So scaled that the weights of all images sum to their number."""
    present = np.where(counts > 0, weights, 0.0)
    return np.asarray(present * (counts.sum() / (present * counts).sum()))
