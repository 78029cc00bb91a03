"""Sums over images, for many weightings of the clusters at once.

A bootstrap resample is a weighting: how often each cluster was drawn. Nearly every metric is a
function of a few weighted counts, so the counts of B resamples are one sparse matrix product,
[rows, clusters] @ [clusters, B], and no resample is ever materialised.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from dermctl.metrics.inputs import FloatArray, IntArray


class Tally:
    """Rows of sums over images, summed beforehand within each cluster.

    Args:
        rows: [m] row that an entry adds to.
        codes: [m] cluster of the entry's image.
        shape: number of rows and of clusters.
        amounts: [m] what the entry adds, in a resample that draws its cluster once; None: 1.
    """

    def __init__(
        self,
        rows: npt.NDArray[np.integer],
        codes: IntArray,
        shape: tuple[int, int],
        amounts: FloatArray | None = None,
    ) -> None:
        values = np.ones(len(rows)) if amounts is None else amounts
        self._matrix = csr_array((values, (rows, codes)), shape=shape)

    def __call__(self, weights: FloatArray) -> FloatArray:
        """Sums [rows, B] under cluster weights [clusters, B]."""
        sums: FloatArray = self._matrix @ weights
        return sums
