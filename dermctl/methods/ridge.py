"""A ridge classifier: least squares on one-hot targets with an L2 penalty, solved at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def ridge_scores(
    train: FloatArray,
    labels: IntArray,
    images: FloatArray,
    *,
    classes: int,
    penalty: float = 1.0,
    balanced: bool = True,
) -> FloatArray:
    """Scores [m, C] of ``images``; the greatest is the class.

    The weights minimise Σᵢ wᵢ ‖yᵢ - x̃ᵢ W - b‖² + penalty ‖W‖², y being 1 for the own class and -1
    for the others, x̃ the features standardised over ``train``, b without penalty: scikit-learn's
    ``RidgeClassifier`` behind its ``StandardScaler``.

    Args:
        train: [n, D] embeddings.
        labels: [n] class numbers.
        images: [m, D] embeddings.
        classes: C.
        penalty: α.
        balanced: wᵢ by inverse class frequency; else 1.
    """
    mean, scale = train.mean(0), train.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    inputs, queries = (train - mean) / scale, (images - mean) / scale
    targets = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    weights = len(labels) / (present * counts[labels]) if balanced else np.ones(len(labels))
    shares = weights / weights.sum()
    centre, level = shares @ inputs, shares @ targets
    root = np.sqrt(weights)[:, None]
    left, right = root * (inputs - centre), root * (targets - level)
    gram = left.T @ left + penalty * np.eye(inputs.shape[1])
    solved = np.linalg.solve(gram, left.T @ right)
    return np.asarray((queries - centre) @ solved + level)
