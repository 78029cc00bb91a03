"""What metrics return: a value or a stated reason why there is none.

A metric that the data leave undefined (a class without images, say) is NaN with a reason, never
an exception. An average over classes runs over the classes where the metric is defined and names
the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dermctl.metrics.inputs import FloatArray

NO_IMAGES = "no images of this class"
NO_OTHERS = "no images of any other class"
ONE_SIDED = "no images of this class, or none of any other"
NEVER_DECIDED = "never decided for"
NEITHER = "neither images of this class nor decisions for it"


@dataclass(frozen=True)
class Score:
    """One number; NaN with `reason` where it is undefined."""

    value: float
    reason: str | None = None

    def __float__(self) -> float:
        return self.value


@dataclass(frozen=True)
class ClassScores:
    """A metric for each class.

    Attributes:
        per_class: [C], NaN where undefined.
        support: [C], summed weights of the images of each class.
        undefined: class index → reason.
    """

    per_class: FloatArray
    support: FloatArray
    undefined: dict[int, str] = field(default_factory=dict)

    @property
    def macro(self) -> float:
        """Mean over the classes where it is defined; NaN if there is none."""
        return float(mean_of_defined(self.per_class))

    @property
    def weighted(self) -> float:
        """Mean over the defined classes, each weighted by its share of the images."""
        defined = ~np.isnan(self.per_class)
        return float(
            ratio((self.per_class * self.support)[defined].sum(), self.support[defined].sum())
        )


def ratio(numerator: FloatArray | float, denominator: FloatArray | float) -> FloatArray:
    """numerator / denominator, elementwise; NaN where the denominator is zero."""
    top, bottom = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    quotient: FloatArray = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=quotient, where=bottom != 0)
    return quotient


def mean_of_defined(values: FloatArray) -> FloatArray:
    """Mean along the first axis over what is not NaN: [C, ...] → [...]; NaN where nothing is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))


def plain(number: float) -> float | None:
    """A number as JSON knows it: None for NaN."""
    return None if math.isnan(number) else float(number)


def plain_fields(record: Any) -> dict[str, Any]:
    """The fields of a dataclass of numbers and texts, with None for NaN."""
    return {
        name: plain(value) if isinstance(value, float) else value
        for name, value in vars(record).items()
    }
