"""Embeddings in the plane: the two principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dermctl.metrics.inputs import FloatArray


@dataclass(frozen=True, eq=False)
class Plane:
    """Embeddings on their first two principal components.

    Attributes:
        points: [n, 2].
        shares: of the variance, for each of the two, 0..1.
    """

    points: FloatArray
    shares: tuple[float, float]


def principal_plane(embeddings: FloatArray) -> Plane | None:
    """Project embeddings [n, D] on the two directions along which they vary most (Pearson 1901).

    A direction's sign is free; here its greatest loading is positive, so that the same embeddings
    give the same picture. None where there are no two directions, or a value is not finite.
    """
    if min(embeddings.shape) < 2 or not np.isfinite(embeddings).all():
        return None
    centred = embeddings - embeddings.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    total = float(variances.sum())
    if variances[-2] <= 0 or total <= 0:
        return None
    axes = directions[:, [-1, -2]]
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    first, second = (float(variances[place]) / total for place in (-1, -2))
    return Plane(centred @ (axes * signs), (first, second))
