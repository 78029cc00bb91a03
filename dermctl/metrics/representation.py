"""What can be seen of embeddings without labels: spread, rank, and how near two views lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_EPSILON = 1e-7  # of RankMe, equation 2


def unit_rows(embeddings: npt.ArrayLike) -> FloatArray:
    """Each row divided by its length, float64 [n, D]; a row of zeros stays one."""
    rows = np.asarray(embeddings, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def alignment(one: npt.ArrayLike, other: npt.ArrayLike) -> float:
    """Mean squared distance between two views of an image, on the unit sphere: 0 (best) to 4.

    Wang & Isola 2020 (arXiv 2005.10242), equation 3 with α = 2.

    Args:
        one: [n, D] embeddings of one view of each image.
        other: [n, D] of another.
    """
    difference = unit_rows(one) - unit_rows(other)
    return float((difference**2).sum(1).mean())


def uniformity(embeddings: npt.ArrayLike) -> float:
    """Logarithm of the mean Gaussian potential of pairs on the unit sphere.

    0 where all lie in one place, about -4 where they are spread evenly.

    Wang & Isola 2020 (arXiv 2005.10242), equation 4 with t = 2, over the n (n - 1) / 2 pairs.

    Raises:
        ValueError: there are fewer than two rows.
    """
    rows = unit_rows(embeddings)
    n = len(rows)
    if n < 2:
        raise ValueError("two embeddings are needed for a pair")
    squared = np.maximum(0.0, 2.0 - 2.0 * (rows @ rows.T))
    potentials = np.exp(-2.0 * squared)
    return float(np.log((potentials.sum() - np.trace(potentials)) / (n * (n - 1))))


def effective_rank(embeddings: npt.ArrayLike) -> float:
    """RankMe: the exponential of the entropy of the singular values, 1 to min(n, D).

    Garrido et al. 2023 (arXiv 2210.02885), equations 2 and 3.

    Args:
        embeddings: [n, D].
    """
    values = np.linalg.svd(np.asarray(embeddings, np.float64), compute_uv=False)
    total = values.sum()
    if total == 0:
        return 1.0
    shares = values / total + _EPSILON
    return float(np.exp(-(shares * np.log(shares)).sum()))


def feature_std(embeddings: npt.ArrayLike) -> float:
    """Mean over the features of their deviation over images, times √D, of rows of length 1.

    About 1 where the embeddings are spread over the sphere, 0 where they have collapsed: the
    measure of Chen & He 2020 (arXiv 2011.10566), section 4.1.

    Args:
        embeddings: [n, D].
    """
    rows = unit_rows(embeddings)
    return float(rows.std(axis=0).mean() * np.sqrt(rows.shape[1]))
