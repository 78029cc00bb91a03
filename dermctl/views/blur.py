"""The kernel of the Gaussian blur: one definition for the CPU and the device."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

INVISIBLE_SIGMA = 0.25
"""Below this a kernel's second tap is under 0.0004: not a tenth of a grey level."""

_REACH = 3.0  # standard deviations on either side: all but 0.3 % of the weight


def blur_radius(sigma: float, limit: int) -> int:
    """Pixels on either side that the kernel reaches: three sigmas, but no more than ``limit``."""
    return max(1, min(math.ceil(_REACH * sigma), limit))


def radius_limit(size: int, share: float) -> int:
    """Half the kernel's side, for a kernel of ``share`` of the view's side (SimCLR: 0.1)."""
    return max(1, int(size * share) // 2)


@lru_cache(maxsize=64)
def _squares(radius: int) -> npt.NDArray[np.float64]:
    return np.arange(-radius, radius + 1, dtype=np.float64) ** 2


def gaussian_kernel(sigma: float, radius: int) -> npt.NDArray[np.float32]:
    """Weights of the Gaussian at whole pixels, with sum 1: float32 [2 radius + 1]."""
    weights = np.exp(_squares(radius) * (-0.5 / sigma**2))
    kernel: npt.NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return kernel
