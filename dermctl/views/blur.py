"""The kernels of the Gaussian blur: one definition for the CPU and the device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

INVISIBLE_SIGMA = 0.25
"""Below this a kernel's second tap is under 0.0004: not a tenth of a grey level."""

_REACH = 3.0  # standard deviations on either side: all but 0.3 % of the weight

Kernels = npt.NDArray[np.float32]


def largest_radius(size: int, share: float, sigma: float) -> int:
    """Pixels on either side that a kernel reaches at most.

    Args:
        size: side of the view in pixels.
        share: side of the kernel as a share of the view's side (SimCLR: 0.1).
        sigma: the largest one.
    """
    return max(1, min(int(size * share) // 2, int(np.ceil(_REACH * sigma))))


def gaussian_kernels(sigmas: npt.ArrayLike, radius: int) -> Kernels:
    """Weights of Gaussians at whole pixels, with sum 1: [N] -> float32 [N, 2 radius + 1].

    Each reaches three standard deviations, within ``radius``. Where sigma is so small that nothing
    would be seen, 0 for instance, the kernel does nothing.
    """
    sigma = np.asarray(sigmas, np.float64)[:, None]
    away = np.arange(-radius, radius + 1)
    visible = np.maximum(sigma, INVISIBLE_SIGMA)
    weights = np.exp(-0.5 * (away / visible) ** 2)
    weights[np.abs(away) > np.ceil(_REACH * sigma)] = 0
    weights[(sigma[:, 0] <= INVISIBLE_SIGMA)] = away == 0
    kernels: Kernels = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return kernels


def trimmed(kernel: Kernels) -> Kernels:
    """The kernel without the zeros at both ends: the work of a blur grows with its taps."""
    middle = len(kernel) // 2
    reach = int(np.count_nonzero(kernel[middle:])) - 1
    return kernel[middle - reach : middle + reach + 1]
